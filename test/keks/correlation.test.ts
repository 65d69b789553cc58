import { afterAll, beforeAll, expect, it } from "vitest";
import type { CallContext } from "@/lib/key-managers/key-manager";
import { requests, writeRequest } from "@/lib/kmip/client/client";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import { MemoryAuditWriter, MemoryLogger } from "@/lib/kmip/testing/memory-ports";
import type { FakeKeyManager } from "@/test/support/fake-key-manager";
import { createWorld, type World } from "./world";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

afterAll(() => world.close());

/** Notes the correlation id of every call, by the call's name. */
function listenIn(keyManager: FakeKeyManager, heard: Map<string, string[]>): FakeKeyManager {
  return new Proxy(keyManager, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);

      if (typeof value !== "function") {
        return value;
      }

      return (...args: unknown[]) => {
        const context = args.at(-1) as CallContext | undefined;

        if (context?.correlationId !== undefined) {
          heard.set(String(name), [...(heard.get(String(name)) ?? []), context.correlationId]);
        }

        return value.apply(target, args);
      };
    },
  });
}

it("ties what a request asks of the key manager to its audit records", async () => {
  const heard = new Map<string, string[]>();
  const keyManager = listenIn(world.keyManager, heard);
  const store = await world.endpoint({
    openKeyManager: () => ({ keyManager, crkId: world.crkId, keyRing: null }),
  });
  const audit = new MemoryAuditWriter();
  const engine = createKmipEngine({ store, audit, logger: new MemoryLogger() });
  const tenant = await world.instance();
  const origin = { tenant, remoteAddress: "192.0.2.7", remotePort: 40_000 };
  /** Sends a message; answers the id that its audit records have. */
  const send = async (items: Parameters<typeof writeRequest>[1]) => {
    const before = audit.records.length;
    (await engine.handle(writeRequest("1.4", items), origin)).release();
    const ids = new Set(audit.records.slice(before).map(({ requestId }) => requestId));
    expect(ids.size).toBe(1);

    return [...ids][0] ?? "";
  };

  const created = await send([requests.create()]);
  const uniqueIdentifier = audit.records.at(-1)?.uniqueIdentifiers[0] ?? "";
  expect(Object.fromEntries(heard)).toEqual({ wrap: [created], createStandardKey: [created] });

  heard.clear();
  const read = await send([requests.get(uniqueIdentifier)]);
  expect(Object.fromEntries(heard)).toEqual({ getStandardKey: [read], unwrap: [read] });

  heard.clear();
  const destroyed = await send([requests.destroy(uniqueIdentifier)]);
  expect(Object.fromEntries(heard)).toEqual({ deleteStandardKey: [destroyed] });
  expect(new Set([created, read, destroyed]).size).toBe(3);
});
