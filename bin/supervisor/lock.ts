import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

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

type Holder = { pid?: number; startTime?: string | null; stopping?: boolean };

/** What a start holds while it uses a DATA_DIR. */
export type DataDirLock = {
  /** The start before was killed: its processes may need a moment to end. */
  readonly takenOver: boolean;
  /** Tells the next start that it is worth waiting. */
  announceStop(): void;
  release(): void;
};

/** How long a start that is stopping is waited for. */
const STOPPING_MS = 12_000;

/**
 * Takes a DATA_DIR for this process. A lock of a process that is gone (killed, machine restarted) is taken over; one
 * of a process that is stopping is waited for.
 * @throws Error in words for the operator when another start has it
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const file = join(dataDir, "lock.json");
  const mine: Holder = { pid: process.pid, startTime: startTimeOf(process.pid) };
  const giveUpAt = Date.now() + STOPPING_MS;
  let takenOver = false;

  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(file, JSON.stringify(mine), { flag: "wx", mode: 0o600 });

      return {
        takenOver,
        announceStop: () => {
          try {
            writeFileSync(file, JSON.stringify({ ...mine, stopping: true }), { mode: 0o600 });
          } catch {
            // A courtesy to the next start; the stop goes on without it.
          }
        },
        release: () => rmSync(file, { force: true }),
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt >= 3) {
        throw error;
      }
    }

    let holder: Holder = {};

    try {
      holder = JSON.parse(readFileSync(file, "utf8")) as Holder;
    } catch {
      // Half written by a start that was killed, or gone by now: nobody holds it.
    }

    if (holder.pid && holder.pid !== process.pid && isAlive(holder.pid, holder.startTime ?? null)) {
      if (holder.stopping && Date.now() < giveUpAt) {
        await sleep(100);
        attempt = 0;
        continue;
      }

      throw new Error(
        `DATA_DIR ${dataDir} is in use by another start (process ${holder.pid}). Stop it, or choose another DATA_DIR.`,
      );
    }

    takenOver = true;
    rmSync(file, { force: true });
  }
}
