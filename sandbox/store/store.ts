import { mkdir, stat, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { SandboxError } from "../errors";
import { journalPath, listStoreFiles, readSnapshot, snapshotPath, writeSnapshot } from "./files";
import { JournalWriter, readJournal, syncDirectory } from "./journal";
import { isRecordKind, type KeyRecord, type RecordKind, type RecordOf, recordSchemas } from "./model";

/** A change of one record: its new value, or null when it is removed. */
type Change = {
  readonly [K in RecordKind]: readonly [kind: K, id: string, value: RecordOf<K> | null];
}[RecordKind];

type Tables = { readonly [K in RecordKind]: Map<string, RecordOf<K>> };

const changeSchema = z.tuple([z.string().refine(isRecordKind), z.string(), z.unknown()]);
const changesSchema = z.array(changeSchema);

/** The change that writes a record, new or not. */
export function put<K extends RecordKind>(kind: K, id: string, value: RecordOf<K>): Change {
  // A tuple of one K is a member of the union over all K, which the compiler cannot see for a generic K.
  return [kind, id, value] as unknown as Change;
}

/** The change that removes a record. */
export function remove(kind: RecordKind, id: string): Change {
  return [kind, id, null];
}

function corrupt(what: string): SandboxError {
  return new SandboxError(
    "SANDBOX_STORE_CORRUPT",
    `The sandbox's store cannot be read: ${what}. Restore the folder from a copy, or remove it to start with an empty sandbox.`,
  );
}

export interface StoreOptions {
  /** The store's own folder; made (mode 0700) if it is not there. */
  dir: string;
  /** Size in bytes from which the journal is replaced by a snapshot, once it is as large as the last snapshot. */
  compactAfterBytes: number;
  /** Told when a compaction in the background failed; the journal goes on, only longer. */
  onCompactionError: (error: unknown) => void;
}

/**
 * The sandbox's records, all in memory, with a journal on disk. `commit` changes the memory at once, so that the
 * checks and the change of a request are one step that no other request can come between; `settled` tells when
 * all that the memory holds is on disk. The server sends no answer before that: what a client was told survives
 * a crash, and what it reads cannot vanish.
 */
export class SandboxStore {
  readonly #options: StoreOptions;
  readonly #tables: Tables;
  readonly #keysOfInstance = new Map<string, Map<string, KeyRecord>>();
  readonly #keyIdOfAlias = new Map<string, Map<string, string>>();
  readonly #apiKeyIdOfHash = new Map<string, string>();
  #generation = 0;
  #snapshotBytes = 0;
  #writer: JournalWriter | undefined;
  #compaction: Promise<void> | undefined;

  private constructor(options: StoreOptions) {
    this.#options = options;
    this.#tables = {
      account: new Map(),
      "resource-instance": new Map(),
      "service-id": new Map(),
      "api-key": new Map(),
      policy: new Map(),
      "signing-key": new Map(),
      seed: new Map(),
      key: new Map(),
      "key-ring": new Map(),
      "instance-policy": new Map(),
      registration: new Map(),
      "import-token": new Map(),
      "access-group": new Map(),
      "custom-role": new Map(),
      "kmip-adapter": new Map(),
      "kmip-certificate": new Map(),
    };
  }

  /**
   * Reads the folder back to the last acknowledged change. An end of the journal that a crash left torn is cut
   * off.
   *
   * @throws SandboxError SANDBOX_STORE_CORRUPT
   */
  static async open(options: StoreOptions): Promise<SandboxStore> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const store = new SandboxStore(options);
    await store.#load();

    return store;
  }

  get<K extends RecordKind>(kind: K, id: string): RecordOf<K> | undefined {
    return this.#table(kind).get(id);
  }

  /** All records of a kind, oldest first. Not for keys, of which there may be many: see `keysOf`. */
  list<K extends Exclude<RecordKind, "key">>(kind: K): RecordOf<K>[] {
    return [...this.#table(kind).values()];
  }

  /** The keys of a key manager instance by identifier, oldest first. */
  keysOf(instanceId: string): ReadonlyMap<string, KeyRecord> {
    return this.#keysOfInstance.get(instanceId) ?? new Map();
  }

  /** The identifier of the key that an alias names in a key manager instance. */
  keyIdOfAlias(instanceId: string, alias: string): string | undefined {
    return this.#keyIdOfAlias.get(instanceId)?.get(alias);
  }

  /** How many aliases a key manager instance has. */
  aliasCount(instanceId: string): number {
    return this.#keyIdOfAlias.get(instanceId)?.size ?? 0;
  }

  apiKeyByHash(sha256: string): RecordOf<"api-key"> | undefined {
    const id = this.#apiKeyIdOfHash.get(sha256);
    return id === undefined ? undefined : this.#tables["api-key"].get(id);
  }

  /** Applies changes, all or none: they are one line of the journal. Durable after `settled()`. */
  commit(...changes: readonly Change[]): void {
    if (!this.#writer) {
      throw new SandboxError("SANDBOX_STORE_FAILED", "The sandbox's store is closed.");
    }
    this.#writer.append(JSON.stringify(changes));
    for (const change of changes) {
      this.#apply(change);
    }
    if (this.#isJournalLong(this.#writer)) {
      this.#startCompaction();
    }
  }

  /** Fulfilled when every change made before the call is on disk. */
  async settled(): Promise<void> {
    await this.#writer?.settled();
  }

  /** Replaces the journal by a snapshot; requests go on meanwhile. */
  async compact(): Promise<void> {
    this.#startCompaction();
    await this.#compaction;
  }

  /** Writes what is queued and closes the files. */
  async close(): Promise<void> {
    await this.#compaction;
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  #table<K extends RecordKind>(kind: K): Map<string, RecordOf<K>> {
    return this.#tables[kind];
  }

  async #load(): Promise<void> {
    const { dir } = this.#options;
    const files = await listStoreFiles(dir);
    for (const name of files.obsolete) {
      await unlink(join(dir, name));
    }
    if (files.snapshot > 0) {
      await readSnapshot(dir, files.snapshot, (record) => this.#apply(this.#parseChange(record)));
      this.#snapshotBytes = (await stat(snapshotPath(dir, files.snapshot))).size;
    }
    const first = Math.max(files.snapshot, 1);
    let cutOff = false;
    for (const [index, generation] of files.journals.entries()) {
      const path = journalPath(dir, generation);
      if (generation !== first + index) {
        throw corrupt(`journal ${first + index} in ${dir} is missing`);
      }
      const { goodBytes, torn } = await readJournal(path, (text) => {
        // A journal is written only after the one before it is complete.
        if (cutOff) {
          throw corrupt(`the journal before ${path} is cut off`);
        }
        for (const change of changesSchema.parse(JSON.parse(text))) {
          this.#apply(this.#parseChange(change));
        }
      });
      if (torn) {
        await truncate(path, goodBytes);
      }
      cutOff ||= torn;
    }
    this.#generation = files.journals.at(-1) ?? first;
    this.#writer = await JournalWriter.open(journalPath(dir, this.#generation));
    if (this.#isJournalLong(this.#writer) || files.journals.length > 1) {
      await this.compact();
    }
  }

  /** Waiting for the snapshot's size keeps the rewriting in proportion to the writing, however many keys there are. */
  #isJournalLong(writer: JournalWriter): boolean {
    return writer.bytes >= Math.max(this.#options.compactAfterBytes, this.#snapshotBytes);
  }

  #parseChange(record: unknown): Change {
    const parsed = changeSchema.safeParse(record);
    if (parsed.success) {
      const [kind, id, value] = parsed.data;
      if (value === null) {
        return remove(kind, id);
      }
      const checked = recordSchemas[kind].safeParse(value);
      if (checked.success) {
        return put(kind, id, checked.data);
      }
    }
    throw corrupt(`a record in ${this.#options.dir} is not of this version's form`);
  }

  #apply(change: Change): void {
    const [kind, id, value] = change;
    if (kind === "key") {
      this.#indexKey(id, value);
    }
    if (kind === "api-key") {
      this.#indexApiKey(id, value);
    }
    if (value === null) {
      this.#tables[kind].delete(id);
    } else {
      this.#setRecord(kind, id, value);
    }
  }

  #setRecord<K extends RecordKind>(kind: K, id: string, value: RecordOf<RecordKind>): void {
    // Kind and value come from one Change, so that the value has the kind's form.
    this.#table(kind).set(id, value as RecordOf<K>);
  }

  #indexKey(id: string, value: KeyRecord | null): void {
    const before = this.#tables.key.get(id);
    for (const { alias } of before?.aliases ?? []) {
      if (before) {
        this.#keyIdOfAlias.get(before.instanceId)?.delete(alias);
      }
    }
    if (value === null) {
      if (before) {
        this.#keysOfInstance.get(before.instanceId)?.delete(id);
      }
      return;
    }
    const keys = this.#keysOfInstance.get(value.instanceId) ?? new Map<string, KeyRecord>();
    this.#keysOfInstance.set(value.instanceId, keys.set(id, value));
    const aliases = this.#keyIdOfAlias.get(value.instanceId) ?? new Map<string, string>();
    this.#keyIdOfAlias.set(value.instanceId, aliases);
    for (const { alias } of value.aliases) {
      aliases.set(alias, id);
    }
  }

  #indexApiKey(id: string, value: RecordOf<"api-key"> | null): void {
    const before = this.#tables["api-key"].get(id);
    if (before) {
      this.#apiKeyIdOfHash.delete(before.sha256);
    }
    if (value) {
      this.#apiKeyIdOfHash.set(value.sha256, id);
    }
  }

  #startCompaction(): void {
    if (this.#compaction) {
      return;
    }
    const running = this.#compactOnce()
      .catch(this.#options.onCompactionError)
      .finally(() => {
        this.#compaction = undefined;
      });
    this.#compaction = running;
  }

  async #compactOnce(): Promise<void> {
    const { dir } = this.#options;
    const old = this.#writer;
    if (!old) {
      return;
    }
    const generation = this.#generation + 1;

    // Nothing is written to the new journal before the old one is complete, see JournalWriter.open.
    let oldIsComplete: (value: Promise<void>) => void = () => {};
    const writer = await JournalWriter.open(
      journalPath(dir, generation),
      new Promise<void>((resolve) => {
        oldIsComplete = resolve;
      }),
    );

    // From here to the capture nothing else runs: the snapshot is the state at the end of the old journal.
    this.#writer = writer;
    this.#generation = generation;
    const closed = old.close();
    oldIsComplete(closed);
    const records = Object.entries(this.#tables).flatMap(([kind, table]) =>
      [...table].map(([id, value]) => [kind, id, value] as const),
    );

    await closed;
    this.#snapshotBytes = await writeSnapshot(dir, generation, records);
    for (const name of (await listStoreFiles(dir)).obsolete) {
      await unlink(join(dir, name));
    }
    await syncDirectory(dir);
  }
}
