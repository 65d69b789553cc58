/** `npm run dev`: the same processes straight from the TypeScript, with the console rebuilt as files change. */
import { ensureClient } from "./lib/build.mjs";
import { checkNode } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

checkNode();
await ensureInstalled();
await ensureClient();

process.env.NODE_ENV = "development";
process.env.NEXT_TELEMETRY_DISABLED = "1";

const { register } = await import("tsx/esm/api");

register();
await import("../bin/start.ts");
