import { randomUUID } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { type Database, openDatabase, setDatabase } from "@/lib/db";

/** A migrated database of its own on the test server; it is also what `database()` answers from now on. */
export type TestDatabase = { readonly url: string; readonly database: Database; drop(): Promise<void> };

/** The test server of the project `unit`. @throws Error in a project that has none */
function serverUrl(): string {
  const url: string | undefined = inject("databaseUrl");

  if (url === undefined) {
    throw new Error(
      "This test asks for PostgreSQL, which its project does not start: it belongs in a folder of test/ (vitest.config.ts).",
    );
  }

  return url;
}

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });

  await client.connect();

  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Creates a test database from the migrated template. @throws Error in a project without PostgreSQL */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = serverUrl();
  const name = `test_${randomUUID().replaceAll("-", "")}`;

  for (let attempt = 0; ; attempt += 1) {
    try {
      await asOwner(`CREATE DATABASE ${name} TEMPLATE template_console`);
      break;
    } catch (error) {
      // Two test files may copy the template at the same moment.
      if (attempt >= 20) {
        throw error;
      }

      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100));
    }
  }

  const url = server.replace(/\/[^/]*$/, `/${name}`);
  const database = openDatabase(url);

  setDatabase(database);

  return {
    url,
    database,
    async drop() {
      setDatabase(null);
      await database.close();
      await asOwner(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}
