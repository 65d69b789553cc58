/** Runs a sandbox in a process of its own, for tests that kill it. Arguments: data folder, journal size. */
import { createSandbox } from "../../../sandbox/index";

const [dataDir = "", compactAfterBytes = "8388608"] = process.argv.slice(2);
try {
  const sandbox = await createSandbox({
    dataDir,
    host: "127.0.0.1",
    port: 0,
    compactAfterBytes: Number(compactAfterBytes),
  });
  process.stdout.write(`${JSON.stringify({ url: sandbox.url })}\n`);
  process.on("SIGTERM", () => {
    void sandbox.close().then(() => process.exit(0));
  });
} catch (error) {
  process.stdout.write(
    `${JSON.stringify({ error: error instanceof Error && "code" in error ? error.code : "" })}\n`,
  );
  process.exitCode = 1;
}
