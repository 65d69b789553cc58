/** `npm run -s cli -- COMMAND`: works beside a running `npm start` with the same environment. */
import { checkNode, ensureBuilt, ensureInstalled } from "./lib/bootstrap.mjs";

checkNode();
await ensureInstalled();
await ensureBuilt();
process.env.NODE_ENV = "production";
await import("../dist/cli.js");
