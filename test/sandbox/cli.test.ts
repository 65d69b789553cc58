import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { sandboxCommands } from "@/bin/cli/sandbox";
import { bearerOf, kmsClient, startSandbox, temporaryDir } from "./support/harness";

/** Runs a command of the command line; what it printed. */
async function run(command: string): Promise<string> {
  const name = Object.keys(sandboxCommands).find((known) => command.startsWith(known)) ?? "";
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    const args = command.slice(name.length).split(" ").filter(Boolean);
    expect(await sandboxCommands[name]?.run(args)).toBe(0);
    return written.mock.calls.map(([text]) => String(text)).join("");
  } finally {
    written.mockRestore();
  }
}

test("a sandbox is made to fail, and healed, from the command line", async () => {
  const folder = await temporaryDir();
  const sandbox = await startSandbox({ dataDir: join(folder, "sandbox"), controlPort: 0 });
  Object.assign(process.env, {
    DATA_DIR: folder,
    SANDBOX_PORT: String(sandbox.port),
    SANDBOX_CONTROL_PORT: new URL(sandbox.controlServer?.url ?? "").port,
  });
  const kms = await kmsClient(sandbox);
  const status = async () => (await kms("GET", "/keys")).status;

  expect(JSON.parse(await run("sandbox credentials"))).toEqual(sandbox.credentials());
  expect(JSON.parse(await run("sandbox control"))).toEqual(sandbox.controlServer);

  await run("sandbox error --status 503 --route /keys --times 1");
  expect([await status(), await status()]).toEqual([503, 200]);
  await run("sandbox throttle --per-second 0.001 --burst 1");
  expect([await status(), await status()]).toEqual([200, 429]);
  await run("sandbox heal");
  await run("sandbox cut --when after");
  await expect(kms("GET", "/keys")).rejects.toThrow();
  const [fault] = sandbox.control.faults.list();
  await run(`sandbox heal --fault ${fault?.id}`);
  await run("sandbox latency --ms 5 --jitter-ms 5 --method get");
  await run("sandbox hang --service iam");
  await run("sandbox clock --advance 1.5h");
  await run("sandbox clock --advance=-30m");
  await run("sandbox waits --enforced true");
  expect(JSON.parse(await run("sandbox state"))).toMatchObject({
    clockOffsetMs: 3_600_000,
    relaxedWaits: false,
    faults: [
      { fault: { kind: "latency", ms: 5, jitterMs: 5, method: "GET" } },
      { fault: { kind: "hang", service: "iam" } },
    ],
  });
  await run("sandbox reset");
  expect(await status()).toBe(200);

  await run("sandbox roles --service-id manager --instance keyProtect --roles Viewer");
  expect(await status()).toBe(401);
  await run("sandbox roles --service-id manager --instance keyProtect --roles Viewer,Manager");
  expect(await status()).toBe(200);
  await run(
    "sandbox roles --service-id manager --instance keyProtect --roles Viewer --custom-role Lister --actions secrets.list --access-group listers",
  );
  expect(await status()).toBe(200);
  const { serviceId, apiKey } = JSON.parse(await run("sandbox add-service-id --name second"));
  await expect(bearerOf(sandbox.url, apiKey)).resolves.toBeDefined();
  const instance = JSON.parse(await run("sandbox add-instance --service kms --name Other --root-keys a1,b2"));
  expect(instance.rootKeys).toMatchObject([{ name: "a1" }, { name: "b2" }]);
  await run(`sandbox roles --service-id ${serviceId} --instance ${instance.guid} --roles Viewer`);
  await run("sandbox api-keys --service-id manager --expires 2026-01-01T00:00:00Z");
  await expect(kmsClient(sandbox)).rejects.toThrow();
  await run("sandbox api-keys --service-id manager --expires never");
  await expect(kmsClient(sandbox)).resolves.toBeDefined();
  await run("sandbox api-keys --service-id manager --disabled true");
  await expect(kmsClient(sandbox)).rejects.toThrow();

  for (const wrong of [
    "sandbox clock",
    "sandbox clock --advance 1y",
    "sandbox waits",
    "sandbox api-keys --service-id manager",
    "sandbox api-keys --service-id manager --expires soon",
    "sandbox error",
    "sandbox error --status often",
    "sandbox error --status 200",
    "sandbox roles --service-id nobody --instance hpcs",
    "sandbox heal --fault none",
  ]) {
    await expect(async () => run(wrong), wrong).rejects.toMatchObject({ name: "CliError", exitCode: 2 });
  }
});
