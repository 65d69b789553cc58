/** `npm run -s cli -- COMMAND`: works beside a running `npm start` with the same environment. */
import { ensureBuilt } from "./lib/build.mjs";
import { checkNode } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

checkNode();
await ensureInstalled();
await ensureBuilt();
process.env.NODE_ENV = "production";
await import("../dist/cli.js");
