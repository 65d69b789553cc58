/**
 * Writes the SQL that leads from an older schema to prisma/schema.prisma, without downloading Prisma's engine:
 *   npm run db:migration -- NAME [OLD_SCHEMA_FILE]
 * OLD_SCHEMA_FILE is e.g. the output of `git show HEAD:prisma/schema.prisma`; without it, from an empty database.
 * With NAME `-` the SQL goes to stdout.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import * as engineBindings from "@prisma/schema-engine-wasm/schema_engine_bg";
import { startEmbeddedPostgres } from "@/lib/db/embedded";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const schemaFile = join(root, "prisma/schema.prisma");

async function diff(url: string, oldSchema: string | null): Promise<string> {
  const module = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm");
  const wasm = readFileSync(join(dirname(module), "schema_engine_bg.wasm"));
  const bindings = engineBindings as unknown as typeof engineBindings & {
    __wbg_set_wasm(exports: WebAssembly.Exports): void;
  };
  const { instance } = await WebAssembly.instantiate(wasm, {
    "./schema_engine_bg.js": bindings as unknown as WebAssembly.ModuleImports,
  });

  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();

  const schema = readFileSync(schemaFile, "utf8");
  // The engine asks the database for its version even to compare two files.
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }));
  const engine = await bindings.SchemaEngine.new({ datamodels: [[schemaFile, schema]] }, () => {}, adapter);
  const result = await engine.diff({
    from:
      oldSchema === null
        ? { tag: "empty" }
        : { tag: "schemaDatamodel", files: [{ path: schemaFile, content: oldSchema }] },
    to: { tag: "schemaDatamodel", files: [{ path: schemaFile, content: schema }] },
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  } as unknown as Parameters<typeof engine.diff>[0]);

  return (result as unknown as { stdout?: string }).stdout ?? "";
}

async function main(): Promise<void> {
  const [name, oldSchemaFile] = process.argv.slice(2);

  if (!name) {
    console.error("usage: npm run db:migration -- NAME|- [OLD_SCHEMA_FILE]");
    process.exit(2);
  }

  const dataDir = mkdtempSync(join(tmpdir(), "kmip-console-migration-"));
  const server = await startEmbeddedPostgres({
    dataDir,
    entry: join(root, "bin/postgres.ts"),
    execArgv: ["--import", "tsx"],
  });

  try {
    const sql = await diff(server.url, oldSchemaFile ? readFileSync(oldSchemaFile, "utf8") : null);

    if (name === "-") {
      process.stdout.write(sql);

      return;
    }

    const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
    const folder = join(root, "prisma/migrations", `${stamp}_${name}`);

    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "migration.sql"), sql);
    console.log(join(folder, "migration.sql"));
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await main();
process.exit(0);
