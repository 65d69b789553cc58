/**
 * Loaded before the product's processes when the bench is asked for profiles: endpoints, sandbox, worker and console
 * write a CPU profile when they end. (Node takes no `--cpu-prof` from NODE_OPTIONS.)
 */
const { writeFileSync } = require("node:fs");
const { Session } = require("node:inspector");
const { join } = require("node:path");

const folder = process.env.KMIP_BENCH_PROFILE;
const name = /\/dist\/(kmip|sandbox|worker|web)\.js$/.exec(process.argv[1] ?? "")?.[1];

if (folder && name) {
  const session = new Session();

  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.start");
  process.once("exit", () => {
    session.post("Profiler.stop", (error, { profile } = {}) => {
      if (!error) {
        writeFileSync(join(folder, `${name}-${process.pid}.cpuprofile`), JSON.stringify(profile));
      }
    });
  });
}
