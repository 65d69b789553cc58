/** Installs and builds what is missing, and runs nothing: for an image, or before the network is taken away. */
import { ensureBuilt } from "./lib/build.mjs";
import { checkNode } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

checkNode();
await ensureInstalled();
await ensureBuilt();
