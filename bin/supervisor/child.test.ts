import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Child, type ChildOptions } from "./child";

const folder = mkdtempSync(join(tmpdir(), "kmip-console-child-"));
const entry = join(folder, "entry.mjs");
/** Says its process id, and so that it is ready and alive. */
const HEALTHY = `
  console.log(process.pid);
  process.send({ type: "ready" });
  setInterval(() => process.send({ type: "alive" }), 100);
  process.on("disconnect", () => process.exit(0));
`;

let child: Child | undefined;

afterEach(async () => {
  await child?.stop(1_000);
  rmSync(entry, { force: true });
});

function make(code: string, options: Partial<ChildOptions> = {}) {
  const seen = { pids: [] as number[], events: [] as string[], pauses: [] as number[] };

  writeFileSync(entry, code);
  child = new Child({
    name: "child",
    entry,
    execArgv: [],
    env: process.env,
    cwd: folder,
    output: (bytes) =>
      seen.pids.push(...Buffer.from(bytes).toString().split("\n").filter(Boolean).map(Number)),
    onEvent: (event, { inMs }) => {
      seen.events.push(event);

      if (inMs !== undefined) {
        seen.pauses.push(inMs);
      }
    },
    ...options,
  });

  return { child, seen };
}

describe("a supervised process", () => {
  it("that is stopped is replaced", async () => {
    const { child: started, seen } = make(HEALTHY, { hungMs: 1_500 });

    await started.start();
    await vi.waitFor(() => expect(seen.pids).toHaveLength(1), 5_000);
    process.kill(seen.pids[0] ?? 0, "SIGSTOP");
    await vi.waitFor(() => expect(seen.pids).toHaveLength(2), 15_000);
    expect(seen.events).toEqual(["ready", "hung", "restarting", "ready"]);
    expect(started.running).toBe(true);
  });

  it("that lives is left alone", async () => {
    const { child: started, seen } = make(HEALTHY, { hungMs: 1_500 });

    await started.start();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(seen.events).toEqual(["ready"]);
  });

  it("that fails again and again waits longer and longer, but not while nobody else does its work", async () => {
    const failing = `process.send({ type: "ready" }, () => process.exit(1));`;
    let others = false;
    const { child: started, seen } = make(failing, { othersRun: () => others });

    await started.start();
    await vi.waitFor(() => expect(seen.pauses.length).toBeGreaterThanOrEqual(5), 20_000);
    expect(seen.pauses.slice(0, 5)).toEqual([200, 500, 1_000, 1_000, 1_000]);
    others = true;
    await vi.waitFor(() => expect(seen.pauses.at(-1)).toBeGreaterThan(2_000), 20_000);
    expect(started.running).toBe(false);
  });
});
