/**
 * Loaded before the product's processes when the bench is asked for profiles: the endpoints write a CPU profile when
 * they end. (Node takes no `--cpu-prof` from NODE_OPTIONS.)
 */
const { writeFileSync } = require("node:fs");
const { Session } = require("node:inspector");
const { join } = require("node:path");

const folder = process.env.KMIP_BENCH_PROFILE;

if (folder && process.argv[1]?.endsWith("/dist/kmip.js")) {
  const session = new Session();

  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.start");
  process.once("exit", () => {
    session.post("Profiler.stop", (error, { profile } = {}) => {
      if (!error) {
        writeFileSync(join(folder, `kmip-${process.pid}.cpuprofile`), JSON.stringify(profile));
      }
    });
  });
}
