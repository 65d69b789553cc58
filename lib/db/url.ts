import { readFileSync } from "node:fs";
import { join } from "node:path";

/** File in DATA_DIR that names the embedded PostgreSQL's connection, mode 0600. */
export const EMBEDDED_CONNECTION_FILE = "postgres.json";

/** Where the embedded server listens and with which password. */
export type EmbeddedConnection = { readonly port: number; readonly password: string };

/** Connection string of the embedded server. */
export function embeddedUrl(connection: EmbeddedConnection): string {
  return `postgresql://kmip_console:${connection.password}@127.0.0.1:${connection.port}/kmip_console`;
}

/**
 * The connection string in use: DATABASE_URL, else that of the embedded server that `npm start` made.
 * @throws Error when neither is there
 */
export function resolveDatabaseUrl(env: { DATABASE_URL?: string | undefined; DATA_DIR: string }): string {
  if (env.DATABASE_URL) {
    return env.DATABASE_URL;
  }

  try {
    const connection = JSON.parse(
      readFileSync(join(env.DATA_DIR, EMBEDDED_CONNECTION_FILE), "utf8"),
    ) as EmbeddedConnection;

    return embeddedUrl(connection);
  } catch (error) {
    throw new Error(
      `No database: DATABASE_URL is not set and ${env.DATA_DIR} holds no embedded PostgreSQL. Run npm start first.`,
      { cause: error },
    );
  }
}
