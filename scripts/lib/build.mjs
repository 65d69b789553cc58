/** Generates the Prisma client, bundles the processes of bin/ and builds the console. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { locked, readIfThere, root, runQuietly } from "./command.mjs";

const node = process.execPath;

const BUILD_STAMP = join(root, "dist/.build");
const CLIENT_STAMP = join(root, "lib/db/generated/.schema");

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
  "scripts/lib/build.mjs",
];

/** What the generated client follows from: the schema, and the generator's version (in the lock file). */
function clientHash() {
  return ["prisma/schema.prisma", "package-lock.json"]
    .reduce((hash, name) => hash.update(readFileSync(join(root, name))), createHash("sha256"))
    .digest("hex");
}

/** The Prisma client, unless it is there; needs no engine download (any executable passes as the engine). */
export async function ensureClient() {
  const wanted = clientHash();

  if (existsSync(CLIENT_STAMP) && readFileSync(CLIENT_STAMP, "utf8") === wanted) {
    return;
  }

  await runQuietly("prisma generate", node, ["node_modules/prisma/build/index.js", "generate"], {
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: node,
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
  });
  writeFileSync(CLIENT_STAMP, wanted);
}

/** bin/*.ts → dist/*.js, packages left outside. */
async function bundleProcesses() {
  const { build: bundle, stop } = await import("esbuild");

  rmSync(join(root, "dist"), { recursive: true, force: true });
  await bundle({
    absWorkingDir: root,
    entryPoints: readdirSync(join(root, "bin"))
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => `bin/${name}`),
    outdir: "dist",
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "linked",
    // The marker package throws outside of a React server; these processes are servers.
    alias: { "server-only": join(root, "scripts/lib/empty.mjs") },
    logLevel: "silent",
  });
  // Its service process would otherwise live as long as ours.
  await stop();
}

async function build() {
  await ensureClient();
  await bundleProcesses();
  await runQuietly("next build", node, ["node_modules/next/dist/bin/next", "build"], {
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
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

    await build();
    mkdirSync(dirname(BUILD_STAMP), { recursive: true });
    writeFileSync(BUILD_STAMP, wanted);
  });
}
