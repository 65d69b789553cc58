/**
 * Processor time of a process and all that it started (Linux). On a machine that others use too, it says more about
 * a server than turns per second do.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of /proc are hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Milliseconds of processor time that a process and its descendants have used, or null where nobody can tell. */
export function processorTime(pid: number): number | null {
  const children = new Map<number, number[]>();
  const spent = new Map<number, number>();
  try {
    for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
      const stat = statOf(name);
      if (stat === null) continue;
      // After the name in parentheses: state, parent, …; user and system time are the 12th and the 13th.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const parent = Number(fields[1]);
      spent.set(Number(name), (Number(fields[11]) + Number(fields[12])) * TICK_MS);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    }
  } catch {
    return null;
  }
  const add = (id: number): number =>
    (spent.get(id) ?? 0) + (children.get(id) ?? []).reduce((sum, child) => sum + add(child), 0);
  return spent.has(pid) ? add(pid) : null;
}

/** Null when the process ended meanwhile. */
function statOf(pid: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
}
