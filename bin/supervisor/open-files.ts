import { readFileSync } from "node:fs";

/**
 * How many files, sockets among them, this process may open; Node has raised that to the system's hard limit.
 * Null where the system does not tell.
 */
export function openFilesLimit(): number | null {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];

    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
