import { env } from "@/lib/env";
import { currentDatabase, type Database, openDatabase, setDatabase } from "./client";
import { resolveDatabaseUrl } from "./url";

export type { Database } from "./client";
export { openDatabase, setDatabase } from "./client";
export { type ChangeEvent, notifyCall, publishIn, subscribe } from "./notify";

/** The database of this process, opened at first use from the environment. */
export function database(): Database {
  const open = currentDatabase();

  if (open) {
    return open;
  }

  const created = openDatabase(resolveDatabaseUrl(env()));

  setDatabase(created);

  return created;
}
