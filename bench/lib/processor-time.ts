/**
 * Processor time of a process and all that it started (Linux). On a machine that others use too, it says more about
 * a server than turns per second do.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of /proc are hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Milliseconds by the part of the server that used them. */
export type ProcessorTime = ReadonlyMap<string, number>;

type Process = { readonly parent: number; readonly spent: number };

/** Processor time of a process and its descendants, by program, or null where nobody can tell. */
export function processorTime(pid: number): ProcessorTime | null {
  const processes = new Map<number, Process>();
  try {
    for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
      const stat = readIfThere(`/proc/${name}/stat`);
      if (stat === null) {
        continue;
      }
      // After the name in parentheses: state, parent, …; the 12th to the 15th are user and system time, its own
      // and that of the children it has waited for.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const spent = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0);
      processes.set(Number(name), { parent: Number(fields[1]), spent });
    }
  } catch {
    return null;
  }
  if (!processes.has(pid)) {
    return null;
  }
  const descends = (id: number): boolean => {
    for (let at = id; at > 1; at = processes.get(at)?.parent ?? 0) {
      if (at === pid) {
        return true;
      }
    }
    return false;
  };
  const sums = new Map<string, number>();
  for (const [id, { spent }] of processes) {
    if (!descends(id)) {
      continue;
    }
    const program = programOf(id);
    sums.set(program, (sums.get(program) ?? 0) + spent);
  }
  return sums;
}

/** What the product calls its process (`kmip`, `sandbox` …), `postgres` for all of the database, else `server`. */
function programOf(pid: number): string {
  const command = readIfThere(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") ?? "";
  const own = /\/dist\/(\w+)\.js/.exec(command)?.[1];
  return own ?? (command.includes("postgres") ? "postgres" : "server");
}

/** Null when the process ended meanwhile. */
function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
