/**
 * What `npm start`, `npm test` and `npm run cli` need before any of our code can run. Plain JavaScript without packages,
 * since there may be none yet.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const LOCK_STALE_MS = 15 * 60_000;

/** Ends the process with one clear message. */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Ends the process if this Node.js is too old. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`KMIP Console needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  }
}

/** Runs a command; its output is shown only when it fails. Resolves with nothing, or ends the process. */
export function runQuietly(what, command, args, options = {}) {
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });

    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.once("error", (error) => fail(`${what} failed: ${error.message}`));
    child.once("close", (code) => {
      if (code === 0) {
        resolve();
      } else {
        fail(
          `${Buffer.concat(chunks).toString("utf8").trimEnd()}\n${what} failed with code ${code ?? "none"}.`,
        );
      }
    });
  });
}

/** npm of the caller, however npm is installed. */
export function npmCommand() {
  const cli = process.env.npm_execpath;

  return cli && existsSync(cli) && /npm-cli\.c?js$/.test(cli) ? [process.execPath, [cli]] : ["npm", []];
}

/** Runs `work` while no other start of this checkout does; two starts at once wait for each other. */
export async function locked(name, work) {
  const lock = join(root, `.${name}.lock`);

  for (let told = false; ; ) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, "pid"), String(process.pid));
      break;
    } catch (error) {
      if (error.code !== "EEXIST") {
        fail(`${root} cannot be written: ${error.message}`);
      }

      if (isAbandoned(lock)) {
        rmSync(lock, { recursive: true, force: true });
        continue;
      }

      if (!told) {
        process.stderr.write(`Another start of this checkout is at "${name}"; waiting for it.\n`);
        told = true;
      }

      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  const release = () => rmSync(lock, { recursive: true, force: true });

  process.once("exit", release);

  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

function isAbandoned(lock) {
  try {
    const pid = Number(readFileSync(join(lock, "pid"), "utf8"));

    process.kill(pid, 0);

    return false;
  } catch (error) {
    if (error.code === "ESRCH") {
      return true;
    }

    try {
      // No pid in it: its maker was killed between two calls, or is just writing it.
      return error.code === "ENOENT"
        ? Date.now() - statSync(lock).mtimeMs > 5_000
        : Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS;
    } catch {
      return false;
    }
  }
}

/** The text of a file, or null if it is not there. */
export function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
