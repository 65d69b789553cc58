/** `npm start`: installs and builds what is missing, then runs everything in this process tree. */
import { checkNode, ensureBuilt, ensureInstalled } from "./lib/bootstrap.mjs";

checkNode();
await ensureInstalled();
await ensureBuilt();
process.env.NODE_ENV = "production";
await import("../dist/start.js");
