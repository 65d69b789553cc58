import { expect, test } from "vitest";

import {
  type Kms,
  kmsClient,
  manualClock,
  newKey,
  startSandbox,
  temporaryDir,
  wrapSchema,
} from "./support/harness";

const DAY = 24 * 3600 * 1000;
const POLICY_TYPE = "application/vnd.ibm.kms.policy+json";

async function setRotation(kms: Kms, id: string, rotation: Record<string, unknown>): Promise<void> {
  const answer = await kms("PUT", `/keys/${id}/policies?policy=rotation`, {
    body: {
      metadata: { collectionType: POLICY_TYPE, collectionTotal: 1 },
      resources: [{ type: POLICY_TYPE, rotation }],
    },
  });
  expect(answer.status).toBe(200);
}

test("a key is rotated when its policy's months are over, and what it wrapped still opens", async () => {
  const clock = manualClock(Date.parse("2026-01-31T12:00:00Z"));
  const sandbox = await startSandbox({ clock });
  const [due, off] = sandbox.credentials().keyProtect.rootKeys.map(({ id }) => id);
  const connect = () => kmsClient(sandbox);
  let kms = await connect();
  await setRotation(kms, due ?? "", { enabled: true, interval_month: 1 });
  await setRotation(kms, off ?? "", { enabled: false, interval_month: 1 });
  const wrapped = wrapSchema.parse((await kms("POST", `/keys/${due}/actions/wrap`, { body: {} })).json());
  const versions = async (id = "") => {
    kms = await connect();
    return (await kms("GET", `/keys/${id}/versions`)).keys().length;
  };

  // The month after January 31 ends on February 28.
  sandbox.control.moveClock({ advanceMs: 28 * DAY - 1 });
  expect(await versions(due)).toBe(1);
  sandbox.control.moveClock({ advanceMs: 1 });
  expect(await versions(due)).toBe(2);
  expect(await versions(off)).toBe(1);
  sandbox.control.moveClock({ advanceMs: 27 * DAY });
  expect(await versions(due)).toBe(2);
  sandbox.control.moveClock({ advanceMs: 4 * DAY });
  expect(await versions(due)).toBe(3);

  const { ciphertext } = wrapped;
  const opened = await kms("POST", `/keys/${due}/actions/unwrap`, { body: { ciphertext } });
  expect(wrapSchema.parse(opened.json()).plaintext).toBe(wrapped.plaintext);
});

test("imported and disabled keys are not rotated", async () => {
  const sandbox = await startSandbox({ clock: manualClock() });
  const kms = await kmsClient(sandbox);
  const payload = Buffer.alloc(32, 1).toString("base64");
  const imported = (
    await kms("POST", "/keys", { body: newKey({ name: "x1", extractable: false, payload }) })
  ).key();
  const disabled = sandbox.credentials().keyProtect.rootKeys[0]?.id ?? "";
  for (const id of [imported.id, disabled]) {
    await setRotation(kms, id, { interval_month: 1 });
  }
  await kms("POST", `/keys/${disabled}/actions/disable`);

  sandbox.control.moveClock({ advanceMs: 40 * DAY });
  const later = await kmsClient(sandbox);
  for (const id of [imported.id, disabled]) {
    expect((await later("GET", `/keys/${id}/versions`)).keys()).toHaveLength(1);
  }
});

test("a key is purged 90 days after its deletion, also while the sandbox was not running", async () => {
  const clock = manualClock();
  const dataDir = await temporaryDir();
  const sandbox = await startSandbox({ clock, dataDir });
  const kms = await kmsClient(sandbox);
  const make = async (name: string) =>
    (await kms("POST", "/keys", { body: newKey({ name, extractable: true }) })).key().id;
  const first = await make("first");
  const second = await make("second");
  await kms("DELETE", `/keys/${first}`);

  sandbox.control.moveClock({ advanceMs: 89 * DAY });
  let later = await kmsClient(sandbox);
  expect((await later("GET", `/keys/${first}/metadata`)).key().state).toBe(5);
  await later("DELETE", `/keys/${second}`);
  sandbox.control.moveClock({ advanceMs: DAY });
  later = await kmsClient(sandbox);
  expect((await later("GET", `/keys/${first}/metadata`)).status).toBe(404);
  expect((await later("GET", `/keys/${second}/metadata`)).status).toBe(200);
  await sandbox.close();

  clock.advance(180 * DAY);
  const again = await kmsClient(await startSandbox({ clock, dataDir }));
  expect((await again("GET", `/keys/${second}/metadata`)).status).toBe(404);
});
