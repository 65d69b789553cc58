import { existsSync, readFileSync } from "node:fs";

/** The server that runs on a cluster's folder, as its own `postmaster.pid` tells. */
export type Postmaster = { readonly pid: number; readonly port: number };

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);

    return true;
  } catch {
    return false;
  }
}

/** Null when none runs there; the file of a server that was killed stays, and its process id may be another's by now. */
export function readPostmaster(directory: string): Postmaster | null {
  const pidFile = `${directory}/postmaster.pid`;

  if (!existsSync(pidFile)) {
    return null;
  }

  const [pidText, folder, , portText] = readFileSync(pidFile, "utf8").split("\n");
  const pid = Number(pidText);

  if (!Number.isInteger(pid) || pid <= 1 || folder !== directory || !isAlive(pid)) {
    return null;
  }

  const command = existsSync(`/proc/${pid}/cmdline`)
    ? readFileSync(`/proc/${pid}/cmdline`, "utf8")
    : "postgres";

  return command.includes("postgres") ? { pid, port: Number(portText) } : null;
}
