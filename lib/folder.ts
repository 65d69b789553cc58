import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder, and those above it, for their owner only. One by one: Node's `recursive` never ends where making
 * a folder fails with ENOENT although its parent exists, as in /proc.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    return;
  }
  makeFolder(dirname(folder));

  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process was as fast.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  }
}
