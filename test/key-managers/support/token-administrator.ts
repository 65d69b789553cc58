import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { softhsm, type TestToken } from "./softhsm";

export type Administration =
  | { setKey: string; encrypt: boolean; decrypt: boolean }
  | { deleteKey: string }
  | { makeReadableKey: string }
  | { makeShortKey: string }
  | { deleteData: string }
  | { countData: true }
  | { countPublicObjects: true }
  | { setPin: string };

/** Does something to a token as another program would: in a process of its own, with the bare package. */
export function administerToken(token: TestToken, task: Administration): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("./administrator-process.cjs", import.meta.url)), [], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      execArgv: [],
    });

    child.once("message", (answer: { count: number }) => resolve(answer.count));
    child.once("exit", (code) => reject(new Error(`The administrator's process ended with ${code}.`)));
    child.send({ path: softhsm.path, serial: token.serial, pin: token.pin, task });
  });
}
