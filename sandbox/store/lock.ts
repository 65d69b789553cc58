import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { z } from "zod";

import { SandboxError, systemErrorCode } from "../errors";

const holderSchema = z.object({ pid: z.number().int().positive(), started: z.string(), token: z.string() });
type Holder = z.infer<typeof holderSchema>;

const heldHere = new Set<string>();

/**
 * When a process started, as text that differs from that of a later process with the same pid: Linux' boot
 * identifier and start tick. Empty where /proc does not tell; then the pid alone has to do.
 */
function startOf(pid: number): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold anything; field 22 is the start time.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");

    return `${boot}:${fields[19] ?? ""}`;
  } catch {
    return "";
  }
}

function isAlive(holder: Holder): boolean {
  // A container that was killed starts again with the same pid: this very process is not another holder.
  if (holder.pid === process.pid) {
    return false;
  }
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
  const started = startOf(holder.pid);

  return holder.started === "" || started === "" || holder.started === started;
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function lockedError(dataDir: string, pid: number): SandboxError {
  return new SandboxError(
    "SANDBOX_DATA_DIR_LOCKED",
    `Another sandbox (process ${pid}) uses ${dataDir}. Stop it, or choose another data folder.`,
  );
}

/**
 * Takes the data folder for this process, so that two sandboxes never write the same journal. A lock left
 * behind by a killed process is recognised and replaced.
 *
 * @returns the function that gives the folder free again
 * @throws SandboxError SANDBOX_DATA_DIR_LOCKED
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const path = join(resolve(dataDir), "lock");
  if (heldHere.has(path)) {
    throw lockedError(dataDir, process.pid);
  }
  heldHere.add(path);
  try {
    return await takeLock(dataDir, path);
  } catch (error) {
    heldHere.delete(path);
    throw error;
  }
}

async function takeLock(dataDir: string, path: string): Promise<() => Promise<void>> {
  const token = randomUUID();
  const text = JSON.stringify({ pid: process.pid, started: startOf(process.pid), token } satisfies Holder);
  const draft = `${path}.${token}`;
  await writeFile(draft, text, { mode: 0o600 });
  try {
    // link() fails if the name exists, which makes "take it if it is free" one atomic step.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        await link(draft, path);

        return async () => {
          const holder = parseHolder(await readFile(path, "utf8").catch(() => ""));
          if (holder?.token === token) {
            await unlink(path);
          }
          heldHere.delete(path);
        };
      } catch (error) {
        if (systemErrorCode(error) !== "EEXIST") {
          throw error;
        }
      }
      await removeStaleLock(dataDir, path);
    }
  } finally {
    await unlink(draft);
  }
  throw new SandboxError("SANDBOX_DATA_DIR_LOCKED", `Several sandboxes are starting on ${dataDir}.`);
}

async function removeStaleLock(dataDir: string, path: string): Promise<void> {
  const found = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemErrorCode(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  });
  if (found === undefined) {
    return;
  }
  const holder = parseHolder(found);
  if (holder && isAlive(holder)) {
    throw lockedError(dataDir, holder.pid);
  }

  const aside = `${path}.stale.${randomUUID()}`;
  await rename(path, aside).catch((error: unknown) => {
    if (systemErrorCode(error) !== "ENOENT") {
      throw error;
    }
  });
  const moved = await readFile(aside, "utf8").catch(() => undefined);
  if (moved === undefined) {
    return;
  }
  if (moved !== found) {
    // Another starter was quicker and this was its fresh lock: give it back.
    await link(aside, path).catch((error: unknown) => {
      if (systemErrorCode(error) !== "EEXIST") {
        throw error;
      }
    });
  }
  await unlink(aside);
}
