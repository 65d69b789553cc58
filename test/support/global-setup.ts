import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "@/lib/db/embedded";
import { migrate, readMigrations } from "@/lib/db/migrate";

declare module "vitest" {
  interface ProvidedContext {
    databaseUrl: string;
  }
}

/** One real PostgreSQL for all tests, with a migrated template that each test database is copied from. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const dataDir = mkdtempSync(join(tmpdir(), "kmip-console-test-"));
  const server = await startEmbeddedPostgres({
    dataDir,
    entry: join(root, "bin/postgres.ts"),
    execArgv: ["--import", "tsx"],
    // The tests kill our processes, never this server: it need not wait for the disk.
    flags: ["-c", "fsync=off", "-c", "full_page_writes=off"],
  });
  const client = new pg.Client({ connectionString: server.url });

  await client.connect();
  await client.query("CREATE DATABASE template_console");
  await client.end();
  await migrate(
    server.url.replace(/\/[^/]*$/, "/template_console"),
    readMigrations(join(root, "prisma/migrations")),
  );
  project.provide("databaseUrl", server.url);

  return async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}
