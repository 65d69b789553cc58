import { describe, expect, it } from "vitest";
import { requests, writeRequest } from "@/lib/kmip/client/client";
import { textIn } from "@/lib/kmip/client/responses";
import type { KeyStore } from "@/lib/kmip/ports";
import { Operation, QueryFunction, ResultReason } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { EngineHarness } from "./harness";

async function makeKey(harness: EngineHarness): Promise<string> {
  return textIn((await harness.one("1.4", requests.create())).payload, Tag.UniqueIdentifier) ?? "";
}

describe("the audit", () => {
  it("has one record for each batch item, before the answer is there", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    harness.audit.records.length = 0;
    await harness.send(
      "1.1",
      [
        requests.get(identifier),
        requests.get("no-such-object"),
        requests.addAttribute(identifier, { name: "x-secret", value: { t: "text", v: "do not log" } }),
        requests.locate(),
      ],
      { continuation: "continue" },
    );
    const { records } = harness.audit;
    expect(records).toMatchObject([
      {
        operation: Operation.Get,
        outcome: "success",
        uniqueIdentifiers: [identifier],
        servedMaterial: true,
        protocolVersion: "1.1",
        remoteAddress: "192.0.2.7",
        tenant: { instanceId: "instance-a" },
      },
      {
        operation: Operation.Get,
        outcome: "failure",
        uniqueIdentifiers: ["no-such-object"],
        resultReason: ResultReason.ItemNotFound,
        servedMaterial: false,
      },
      { operation: Operation.AddAttribute, data: { attributes: ["x-secret"] }, servedMaterial: false },
      { operation: Operation.Locate, uniqueIdentifiers: [identifier], data: { located: 1 } },
    ]);
    expect(new Set(records.map(({ requestId }) => requestId)).size).toBe(1);
    expect(JSON.stringify(records)).not.toContain("do not log");
  });

  it("is waited for", async () => {
    const harness = new EngineHarness();
    let release = (): void => undefined;
    const written = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.audit.write = () => written;
    let answered = false;
    const answer = harness.raw(writeRequest("1.4", [requests.query([1])])).then(() => {
      answered = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    release();
    await answer;
    expect(answered).toBe(true);
  });

  it("that cannot be written keeps keys and changes from being reported, and nothing else", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    const object = harness.store.objects("instance-a")[0];
    if (object === undefined) {
      throw new Error("unreachable");
    }
    const material = await harness.store.readMaterial(harness.tenant, object);
    harness.audit.broken = true;
    const batch = [
      requests.query([QueryFunction.QueryServerInformation]),
      requests.get(identifier),
      requests.activate(identifier),
      requests.getAttributes(identifier, ["State"]),
      requests.create(),
    ];
    const bytes = await harness.raw(writeRequest("1.4", batch, { continuation: "continue" }));
    expect(bytes.includes(Buffer.from(material))).toBe(false);
    const { items } = await harness.send("1.4", batch, { continuation: "continue" });
    expect(items.map(({ resultReason }) => resultReason)).toEqual([
      null,
      ResultReason.GeneralFailure,
      ResultReason.PermissionDenied,
      null,
      ResultReason.GeneralFailure,
    ]);
    expect(harness.logger.lines.some(({ level }) => level === "error")).toBe(true);
  });
});

describe("an answer that cannot be given", () => {
  it("is a failure of its item, and the audit says whether the operation was carried out", async () => {
    const harness = new EngineHarness();
    const { items } = await harness.send("1.4", [requests.create()], { maximumResponseSize: 100 });
    expect(items[0]?.resultReason).toBe(ResultReason.ResponseTooLarge);
    expect(harness.audit.records.at(-1)).toMatchObject({
      outcome: "failure",
      uniqueIdentifiers: [harness.store.objects("instance-a")[0]?.uniqueIdentifier],
      detail: "the operation was carried out",
    });
  });

  it("because what is stored cannot be encoded fails alone", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    const find = harness.store.find.bind(harness.store);
    harness.store.find = async (...args: Parameters<KeyStore["find"]>) => {
      const object = await find(...args);
      if (object === null) {
        return null;
      }
      const broken = { i: 0, v: { t: "integer", v: 2 ** 40 } } as const;
      return { ...object, attributes: { ...object.attributes, "Cryptographic Length": [broken] } };
    };
    const batch = [requests.get(identifier), requests.query([1]), requests.getAttributes(identifier)];
    const { items } = await harness.send("1.4", batch, { continuation: "continue" });
    expect(items.map(({ resultReason }) => resultReason)).toEqual([
      ResultReason.GeneralFailure,
      null,
      ResultReason.GeneralFailure,
    ]);
    expect(harness.audit.records.slice(-3).map(({ servedMaterial }) => servedMaterial)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe("key material", () => {
  it("is zeroed in every buffer of the engine once the answer is written", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    const copies: Uint8Array[] = [];
    const read = harness.store.readMaterial.bind(harness.store);
    harness.store.readMaterial = async (...args: Parameters<KeyStore["readMaterial"]>) => {
      const material = await read(...args);
      copies.push(material);
      return material;
    };
    const origin = { tenant: harness.tenant, remoteAddress: "::1", remotePort: 1 };
    const response = await harness.engine.handle(writeRequest("1.4", [requests.get(identifier)]), origin);
    expect(copies).toHaveLength(1);
    expect(copies[0]?.every((byte) => byte === 0)).toBe(true);
    const { bytes } = response;
    expect(bytes.some((byte) => byte !== 0)).toBe(true);
    response.release();
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("made by Create is zeroed too, whether the store takes it or not", async () => {
    for (const fails of [false, true]) {
      const harness = new EngineHarness();
      const handed: Uint8Array[] = [];
      const create = harness.store.create.bind(harness.store);
      harness.store.create = async (...args: Parameters<KeyStore["create"]>) => {
        handed.push(args[2]);
        if (fails) {
          throw new Error("disk full");
        }
        return create(...args);
      };
      const item = await harness.one("1.4", requests.create());
      expect(item.resultReason).toBe(fails ? ResultReason.GeneralFailure : null);
      expect(handed[0]?.every((byte) => byte === 0)).toBe(true);
    }
  });

  it("never meets a fault's words: an unknown fault tells the client nothing and the log everything", async () => {
    const harness = new EngineHarness();
    harness.store.find = async () => {
      throw new TypeError("connect ECONNREFUSED 10.0.0.5:5432");
    };
    const item = await harness.one("1.4", requests.get("some-object"));
    expect(item.resultReason).toBe(ResultReason.GeneralFailure);
    expect(item.message).not.toContain("10.0.0.5");
    expect(harness.audit.records.at(-1)?.detail).toContain("10.0.0.5");
    expect(harness.logger.lines).toMatchObject([{ level: "error", fields: { operation: "Get" } }]);
  });
});
