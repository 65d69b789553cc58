import { open, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { SandboxError } from "../errors";
import { encodeLine, readJournal, syncDirectory } from "./journal";

const SNAPSHOT = /^snapshot-(\d+)\.jsonl$/;
const JOURNAL = /^journal-(\d+)\.jsonl$/;
const RECORDS_PER_WRITE = 500;

export interface StoreFiles {
  /** Generation of the newest snapshot; 0 if there is none. */
  snapshot: number;
  /** Generations of the journals that continue it, ascending. */
  journals: number[];
  /** File names that a newer snapshot has made needless, and drafts that were never finished. */
  obsolete: string[];
}

export function snapshotPath(dir: string, generation: number): string {
  return join(dir, `snapshot-${generation}.jsonl`);
}

export function journalPath(dir: string, generation: number): string {
  return join(dir, `journal-${generation}.jsonl`);
}

/**
 * Sorts the files of a store folder. Snapshot n holds all that was written before journal n; the state is the
 * newest snapshot followed by every journal from its generation on.
 */
export async function listStoreFiles(dir: string): Promise<StoreFiles> {
  const names = await readdir(dir);
  const generations = (pattern: RegExp): number[] =>
    names
      .flatMap((name) => pattern.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  const snapshot = generations(SNAPSHOT).at(-1) ?? 0;
  const isObsolete = (name: string): boolean => {
    const generation = (SNAPSHOT.exec(name) ?? JOURNAL.exec(name))?.[1];
    return name.endsWith(".draft") || (generation !== undefined && Number(generation) < snapshot);
  };

  return {
    snapshot,
    journals: generations(JOURNAL).filter((generation) => generation >= snapshot),
    obsolete: names.filter(isObsolete),
  };
}

/**
 * Writes a snapshot: a header, one line a record, and a footer with their number. It gets its name only when it
 * is complete and on disk.
 *
 * @param records JSON-serialisable; serialised in portions, so that requests go on meanwhile
 * @returns its size in bytes
 */
export async function writeSnapshot(
  dir: string,
  generation: number,
  records: readonly unknown[],
): Promise<number> {
  const path = snapshotPath(dir, generation);
  const draft = `${path}.draft`;
  const handle = await open(draft, "w", 0o600);
  let bytes = 0;
  try {
    await handle.appendFile(encodeLine(JSON.stringify({ snapshot: generation })));
    for (let start = 0; start < records.length; start += RECORDS_PER_WRITE) {
      const portion = records.slice(start, start + RECORDS_PER_WRITE);
      await handle.appendFile(portion.map((record) => encodeLine(JSON.stringify(record))).join(""));
    }
    await handle.appendFile(encodeLine(JSON.stringify({ records: records.length })));
    await handle.sync();
    bytes = (await handle.stat()).size;
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncDirectory(dir);

  return bytes;
}

/**
 * Reads a snapshot and hands each record to `onRecord`.
 *
 * @throws SandboxError SANDBOX_STORE_CORRUPT if it is not complete
 */
export async function readSnapshot(
  dir: string,
  generation: number,
  onRecord: (record: unknown) => void,
): Promise<void> {
  const path = snapshotPath(dir, generation);
  let header: unknown;
  let previous: unknown;
  let count = -1;
  const { torn } = await readJournal(path, (text) => {
    // The last line is the footer, which is known only when the next one does not come.
    if (count > 0) {
      onRecord(previous);
    }
    const value: unknown = JSON.parse(text);
    if (count === -1) {
      header = value;
    }
    previous = value;
    count += 1;
  });
  const complete =
    JSON.stringify(header) === JSON.stringify({ snapshot: generation }) &&
    JSON.stringify(previous) === JSON.stringify({ records: count - 1 });
  if (torn || !complete) {
    throw new SandboxError(
      "SANDBOX_STORE_CORRUPT",
      `The sandbox's snapshot ${path} is damaged. Restore the folder from a copy, or remove it to start with an empty sandbox.`,
    );
  }
}
