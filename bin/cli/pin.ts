import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CliError } from "./usage";

/**
 * The PIN of a token: the first line of stdin, asked for and not shown at a terminal. It is no option, since
 * those are in the shell's history and in the list of processes.
 */
export async function readPin(): Promise<string> {
  const terminal = process.stdin.isTTY === true;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });

  if (terminal) {
    process.stderr.write("PIN: ");
  }

  const lines = createInterface({ input: process.stdin, output: silent, terminal });

  try {
    const { value } = await lines[Symbol.asyncIterator]().next();
    const pin = typeof value === "string" ? value.trim() : "";

    if (pin === "") {
      throw new CliError("The PIN is read from stdin; there was none.", 2);
    }

    return pin;
  } finally {
    lines.close();

    if (terminal) {
      process.stderr.write("\n");
    }
  }
}
