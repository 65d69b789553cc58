/** Generates the Prisma client, bundles the processes of bin/ and builds the console. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkNode, ensureInstalled, root, runQuietly } from "./lib/bootstrap.mjs";

const node = process.execPath;

const CLIENT_STAMP = join(root, "lib/db/generated/.schema");

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
export async function bundleProcesses() {
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

export async function build() {
  await ensureClient();
  await bundleProcesses();
  await runQuietly("next build", node, ["node_modules/next/dist/bin/next", "build"], {
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  checkNode();
  await ensureInstalled();
  await build();
}
