/** `npm run dev`: the same processes straight from the TypeScript, with the console rebuilt as files change. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { generateClient } from "./build.mjs";
import { checkNode, ensureInstalled, root } from "./lib/bootstrap.mjs";

checkNode();
await ensureInstalled();

if (!existsSync(join(root, "lib/db/generated/client.ts"))) {
  await generateClient();
}

process.env.NODE_ENV = "development";
process.env.NEXT_TELEMETRY_DISABLED = "1";

const { register } = await import("tsx/esm/api");

register();
await import("../bin/start.ts");
