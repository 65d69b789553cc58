import { existsSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { env } from "@/lib/env";

const ROTATE_BYTES = 50 * 1024 * 1024;

/** Where a process writes its JSON lines: DATA_DIR/logs/<name>.log; a large one of earlier is kept as `.1`. */
export function openLog(dataDir: string, name: string): { descriptor: number; line(text: string): void } {
  const file = join(dataDir, "logs", `${name}.log`);

  if (existsSync(file) && statSync(file).size > ROTATE_BYTES) {
    renameSync(file, `${file}.1`);
  }

  const descriptor = openSync(file, "a", 0o600);

  return { descriptor, line: (text) => void writeSync(descriptor, `${text}\n`) };
}

/** The file that runs a process: the bundle, or in development the TypeScript itself. */
export function processEntry(root: string, name: string): { entry: string; execArgv: string[] } {
  return env().NODE_ENV === "development"
    ? { entry: join(root, "bin", `${name}.ts`), execArgv: ["--import", "tsx"] }
    : { entry: join(root, "dist", `${name}.js`), execArgv: ["--enable-source-maps"] };
}
