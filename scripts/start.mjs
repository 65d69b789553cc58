/** `npm start`: installs and builds what is missing, then runs everything in this process tree. */
import { ensureBuilt } from "./lib/build.mjs";
import { checkNode } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

checkNode();
await ensureInstalled();
await ensureBuilt();
process.env.NODE_ENV = "production";
await import("../dist/start.js");
