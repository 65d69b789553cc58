import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Start time of a process in kernel ticks, so that a reused process id is not taken for the old process. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");

    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function isAlive(pid: number, startTime: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }

  const now = startTimeOf(pid);

  return now === null || startTime === null || now === startTime;
}

/**
 * Takes a DATA_DIR for this process. A lock of a process that is gone (killed, machine restarted) is taken over.
 * @returns function that gives it back
 * @throws Error in words for the operator when another start has it
 */
export function lockDataDir(dataDir: string): () => void {
  const file = join(dataDir, "lock.json");
  const mine = JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) });

  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(file, mine, { flag: "wx", mode: 0o600 });

      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt >= 3) {
        throw error;
      }
    }

    let holder: { pid?: number; startTime?: string | null } = {};

    try {
      holder = JSON.parse(readFileSync(file, "utf8")) as typeof holder;
    } catch {
      // Half written by a start that was killed, or gone by now: nobody holds it.
    }

    if (holder.pid && holder.pid !== process.pid && isAlive(holder.pid, holder.startTime ?? null)) {
      throw new Error(
        `DATA_DIR ${dataDir} is in use by another start (process ${holder.pid}). Stop it, or choose another DATA_DIR.`,
      );
    }

    rmSync(file, { force: true });
  }
}
