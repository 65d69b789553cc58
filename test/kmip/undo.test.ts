import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BatchRequest, nameAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { find, readResponse, textIn } from "@/lib/kmip/client/responses";
import type { KeyStore, StoredValue } from "@/lib/kmip/ports";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  Operation,
  QueryFunction,
  ResultReason,
  ResultStatus,
  RevocationReasonCode,
  State,
  UsageLimitsUnit,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, integer, longInteger, structure } from "@/lib/kmip/ttlv";
import { hex, Objects, on, registerKey, registerSecret, usageMask } from "./payloads";

const KEY = hex("000102030405060708090a0b0c0d0e0f");
const OTHER_KEY = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const { Success, OperationFailed, OperationUndone } = ResultStatus;
const { PermissionDenied, ItemNotFound, GeneralFailure, ResponseTooLarge } = ResultReason;
const { Encrypt, Decrypt, MACGenerate } = CryptographicUsageMask;

const custom = (value: string) => ({ name: "x-note", value: { t: "text", v: value } }) as const;
const limits = {
  name: "Usage Limits",
  value: {
    t: "structure",
    v: [
      { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "100" } },
      { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: UsageLimitsUnit.Byte } },
    ],
  } satisfies StoredValue,
};
const fails = requests.get("no-such-object");
const revoke = (identifier?: string) => requests.revoke(identifier, RevocationReasonCode.Unspecified);
const encrypt = (identifier: string) =>
  on(Operation.Encrypt, identifier, [
    structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB)]),
    bytes(Tag.Data, Buffer.alloc(16)),
  ]);

/** An engine whose batches are to be undone if one of their items fails. */
class Undoing extends Objects {
  async undo(...batch: BatchRequest[]) {
    return (await this.send(this.version, batch, { continuation: "undo", order: true })).items;
  }

  async statuses(...batch: BatchRequest[]): Promise<number[]> {
    return (await this.undo(...batch)).map(({ status }) => status);
  }

  /** All that the store holds. */
  async everything(): Promise<unknown> {
    const objects = this.store.objects(this.tenant.instanceId);
    const materials = objects.map((object) =>
      this.store.readMaterial(this.tenant, object).then(
        (material) => Buffer.from(material).toString("hex"),
        () => "gone",
      ),
    );
    return structuredClone({ objects, materials: await Promise.all(materials) });
  }

  /** Has something happen, once, when an item reads a key. */
  meanwhile(identifier: string, happen: () => Promise<unknown> | unknown): void {
    const { store } = this;
    const readMaterial = store.readMaterial.bind(store);
    store.readMaterial = async (...args: Parameters<KeyStore["readMaterial"]>) => {
      if (args[1].uniqueIdentifier === identifier) {
        store.readMaterial = readMaterial;
        await happen();
      }
      return readMaterial(...args);
    };
  }
}

describe("a batch that fails with Undo (6.13)", () => {
  type Prepared = { active: string; fresh: string; old: string; archived: string };
  const { Archive, Recover, ReKey, GetUsageAllocation, ObtainLease } = Operation;

  async function prepare(objects: Undoing): Promise<Prepared> {
    const mask = usageMask(Encrypt | Decrypt | MACGenerate);
    const active = await objects.activeKey(KEY, [mask, limits, nameAttribute("one"), custom("before")]);
    const fresh = await objects.make(registerKey(KEY, [mask]));
    const old = await objects.activeKey(OTHER_KEY, [mask]);
    await objects.ok(revoke(old));
    const archived = await objects.make(registerSecret(KEY));
    await objects.ok(on(Archive, archived));
    return { active, fresh, old, archived };
  }

  it.each<[string, (on: Prepared) => BatchRequest[]]>([
    ["Create", () => [requests.create({ name: "new" }), requests.activate(), requests.get()]],
    ["Register", () => [registerKey(OTHER_KEY), registerSecret(KEY)]],
    ["Re-key", ({ active }) => [on(ReKey, active)]],
    ["Get, which takes the freshness", ({ active, fresh }) => [requests.get(fresh), requests.get(active)]],
    ["Add Attribute", ({ active }) => [requests.addAttribute(active, nameAttribute("two"))]],
    ["Modify Attribute", ({ active }) => [requests.modifyAttribute(active, custom("after"))]],
    ["Delete Attribute", ({ active }) => [requests.deleteAttribute(active, "x-note")]],
    ["Activate", ({ fresh }) => [requests.activate(fresh), revoke(fresh)]],
    ["Revoke", ({ active }) => [revoke(active)]],
    ["Archive", ({ active }) => [on(Archive, active)]],
    ["Recover", ({ archived }) => [on(Recover, archived)]],
    [
      "Get Usage Allocation",
      ({ active }) => [on(GetUsageAllocation, active, [longInteger(Tag.UsageLimitsCount, 7n)])],
    ],
    ["Encrypt, which takes of the limits", ({ active }) => [encrypt(active), encrypt(active)]],
    ["Obtain Lease", ({ active }) => [on(ObtainLease, active)]],
    ["Destroy", ({ fresh, old }) => [requests.destroy(old), requests.destroy(fresh)]],
    ["the whole life", () => [requests.create(), requests.activate(), revoke(), requests.destroy()]],
  ])("undoes %s", async (_, batch) => {
    const objects = new Undoing();
    const identifiers = await prepare(objects);
    const before = await objects.everything();
    const items = batch(identifiers);
    expect(await objects.statuses(...items, fails, requests.create())).toEqual([
      ...items.map(() => OperationUndone),
      OperationFailed,
    ]);
    expect(await objects.everything()).toEqual(before);
    // The same items do something when nothing fails.
    expect(await objects.statuses(...items, requests.query([1]))).toEqual([...items, 0].map(() => Success));
    if (!items.some(({ operation }) => operation === ObtainLease)) {
      expect(await objects.everything()).not.toEqual(before);
    }
  });

  it("answers what was undone with what it was about, and the failure as ever (7.2, 11.43)", async () => {
    const objects = new Undoing();
    const batch = [requests.create(), fails].map((item, index) => ({
      ...item,
      uniqueBatchItemId: Buffer.from([index]),
    }));
    const items = await objects.undo(...batch);
    expect(items).toMatchObject([
      { operation: Operation.Create, status: OperationUndone, resultReason: null },
      { operation: Operation.Get, status: OperationFailed, resultReason: ItemNotFound },
    ]);
    expect(items[0]?.payload.map(({ tag }) => tag)).toEqual([Tag.ObjectType, Tag.UniqueIdentifier]);
    expect(items.map(({ uniqueBatchItemId }) => uniqueBatchItemId?.[0])).toEqual([0, 1]);
  });

  it("lets nothing of it leave: no key, no plaintext", async () => {
    const objects = new Undoing();
    const identifier = await objects.activeKey(KEY);
    const plaintext = Buffer.from("sixteen letters.");
    const parameters = structure(Tag.CryptographicParameters, [
      enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB),
    ]);
    const [encrypted] = await objects.undo(
      on(Operation.Encrypt, identifier, [parameters, bytes(Tag.Data, plaintext)]),
      requests.query([1]),
    );
    const data = find(encrypted?.payload ?? [], Tag.Data);
    const batch = [
      requests.get(identifier),
      on(Operation.Decrypt, identifier, [parameters, ...(data === undefined ? [] : [data])]),
      on(Operation.RNGRetrieve, undefined, [integer(Tag.DataLength, 8)]),
    ];
    const send = (items: BatchRequest[]) =>
      objects.raw(writeRequest("1.4", items, { continuation: "undo", order: true }));
    const done = await send(batch);
    expect([done.includes(KEY), done.includes(plaintext)]).toEqual([true, true]);
    const undone = await send([...batch, fails]);
    expect([undone.includes(KEY), undone.includes(plaintext)]).toEqual([false, false]);
    const told = readResponse(undone).items.map(({ payload }) => payload.map(({ tag }) => tag));
    const { ObjectType, UniqueIdentifier } = Tag;
    expect(told).toEqual([[ObjectType, UniqueIdentifier], [UniqueIdentifier], [], []]);
  });

  it("is in the audit, item by item", async () => {
    const objects = new Undoing();
    const identifier = await objects.activeKey(KEY);
    objects.audit.records.length = 0;
    await objects.undo(requests.get(identifier), revoke(identifier), requests.create(), fails);
    const { records } = objects.audit;
    expect(records).toMatchObject([
      { operation: Operation.Get, outcome: "failure", undone: true, servedMaterial: false },
      { operation: Operation.Revoke, outcome: "failure", undone: true, uniqueIdentifiers: [identifier] },
      { operation: Operation.Create, outcome: "failure", undone: true },
      { operation: Operation.Get, outcome: "failure", resultReason: ItemNotFound },
    ]);
    // Of a key that was made and is no more, the audit keeps the identifier.
    expect(records[2]?.uniqueIdentifiers).toHaveLength(1);
  });

  it("does so in every version, and a single item needs no undoing", async () => {
    for (const version of ["1.0", "1.1", "1.2", "1.3", "1.4"] as const) {
      const objects = new Undoing();
      objects.version = version;
      expect(await objects.statuses(requests.create(), fails)).toEqual([OperationUndone, OperationFailed]);
      expect(await objects.statuses(requests.create())).toEqual([Success]);
    }
  });

  it("because an answer is too long takes back what was done", async () => {
    const objects = new Undoing();
    const batch = [requests.create(), requests.get(), requests.query([QueryFunction.QueryOperations])];
    const { items } = await objects.send("1.4", batch, { continuation: "undo", maximumResponseSize: 600 });
    expect(items.map(({ status }) => status)).toEqual([OperationUndone, OperationUndone, OperationFailed]);
    expect(items.at(-1)?.resultReason).toBe(ResponseTooLarge);
    expect(objects.store.objects(objects.tenant.instanceId)).toEqual([]);
    expect(objects.audit.records.every(({ detail }) => detail === undefined)).toBe(true);
  });

  it("by an item that cannot be read is undone too", async () => {
    const objects = new Undoing();
    expect(
      await objects.statuses(requests.create(), { operation: Operation.Get, payload: [bytes(1, KEY)] }),
    ).toEqual([OperationUndone, OperationFailed]);
  });
});

describe("a batch with Undo whose items succeed", () => {
  it("shows each item what the ones before it have done, and nobody else before the end", async () => {
    const objects = new Undoing();
    const existing = await objects.activeKey(KEY, [usageMask(Encrypt), nameAttribute("taken")]);
    const seen: number[] = [];
    objects.meanwhile(existing, async () => {
      const located = await objects.ok(requests.locate([nameAttribute("new")]));
      const state = await objects.attribute(existing, "State");
      seen.push(located.length, Number(state));
    });
    const items = await objects.undo(
      requests.create({ name: "new" }),
      requests.locate([nameAttribute("new")]),
      requests.activate(),
      requests.getAttributes(undefined, ["State"]),
      requests.get(existing),
      revoke(existing),
      requests.locate([{ name: "State", value: { t: "enumeration", v: State.Active } }]),
    );
    expect(items.map(({ status }) => status)).toEqual(Array(7).fill(Success));
    const created = textIn(items[0]?.payload ?? [], Tag.UniqueIdentifier);
    expect(textIn(items[1]?.payload ?? [], Tag.UniqueIdentifier)).toBe(created);
    // The last Locate finds what the batch has activated, and not what it has revoked.
    expect(items.at(-1)?.payload.map(({ value }) => value)).toEqual([created]);
    expect(seen).toEqual([0, State.Active]);
    expect(await objects.attribute(existing, "State")).toBe(State.Deactivated);
    expect(await objects.attribute(created ?? "", "State")).toBe(State.Active);
  });

  it("refuses within the batch what it has itself made impossible", async () => {
    const objects = new Undoing();
    const identifier = await objects.make(registerKey(KEY));
    const items = await objects.undo(requests.destroy(identifier), requests.get(identifier));
    expect(items.map(({ status }) => status)).toEqual([OperationUndone, OperationFailed]);
    expect((await objects.key(identifier)).equals(KEY)).toBe(true);
    expect(
      await objects.statuses(
        registerKey(KEY, [usageMask(Encrypt), nameAttribute("n")]),
        registerKey(KEY, [usageMask(Encrypt), nameAttribute("n")]),
      ),
    ).toEqual([OperationUndone, OperationFailed]);
  });

  it("leaves the same objects as the same batch with Stop", async () => {
    const identifier = fc.constantFrom(0, 1, 2);
    const step = fc.oneof(
      fc.record({
        do: fc.constantFrom("activate", "revoke", "destroy", "get", "archive", "recover"),
        on: identifier,
      }),
      fc.record({
        do: fc.constantFrom("note", "rename"),
        on: identifier,
        value: fc.constantFrom("a", "b", "c"),
      }),
    );
    const play = async (steps: readonly { do: string; on: number; value?: string }[], undo: boolean) => {
      const objects = new Undoing();
      const identifiers = [
        await objects.make(registerKey(KEY)),
        await objects.activeKey(OTHER_KEY),
        await objects.make(registerSecret(KEY)),
      ];
      const batch = steps.map((item): BatchRequest => {
        const target = identifiers[item.on];
        switch (item.do) {
          case "activate":
            return requests.activate(target);
          case "revoke":
            return revoke(target);
          case "destroy":
            return requests.destroy(target);
          case "get":
            return requests.get(target);
          case "archive":
            return on(Operation.Archive, target);
          case "recover":
            return on(Operation.Recover, target);
          case "note":
            return requests.addAttribute(target, custom(item.value ?? ""));
          default:
            return requests.addAttribute(target, nameAttribute(item.value ?? ""));
        }
      });
      const before = await objects.everything();
      const { items } = await objects.send("1.4", batch, { continuation: undo ? "undo" : "stop" });
      const after = await objects.everything();
      const neutral = (value: unknown) =>
        identifiers
          .reduce((text, id, at) => text.replaceAll(id, `#${at}`), JSON.stringify(value))
          .replaceAll(/"(createdAt|revision)":("[^"]*"|\d+)|\{"t":"dateTime","v":\d+\}/g, "");
      return { before: neutral(before), after: neutral(after), statuses: items.map(({ status }) => status) };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), async (steps) => {
        const stopped = await play(steps, false);
        const undone = await play(steps, true);
        const failed = stopped.statuses.includes(OperationFailed);
        expect(undone.after).toBe(failed ? undone.before : stopped.after);
        expect(undone.statuses).toEqual(
          failed ? stopped.statuses.map((status) => status || OperationUndone) : stopped.statuses,
        );
      }),
      { numRuns: 150 },
    );
  });
});

describe("others who change the same objects while a batch with Undo runs", () => {
  it("make it fail, at the item that changed the object, and keep what they did", async () => {
    const objects = new Undoing();
    const changed = await objects.make(registerKey(KEY));
    const read = await objects.activeKey(OTHER_KEY);
    objects.meanwhile(read, () => objects.ok(requests.addAttribute(changed, custom("theirs"))));
    const items = await objects.undo(requests.activate(changed), requests.get(read), requests.create());
    expect(items.map(({ status }) => status)).toEqual([OperationFailed, OperationUndone, OperationUndone]);
    expect(items[0]?.resultReason).toBe(GeneralFailure);
    expect(await objects.attribute(changed, "State")).toBe(State.PreActive);
    expect(await objects.attribute(changed, "x-note")).toBe("theirs");
    expect(objects.store.objects(objects.tenant.instanceId)).toHaveLength(2);
  });

  it("do not disturb one that only reads: the mark of a Get gives way", async () => {
    const objects = new Undoing();
    const first = await objects.activeKey(KEY);
    const second = await objects.activeKey(OTHER_KEY);
    objects.meanwhile(second, () => objects.ok(requests.addAttribute(first, custom("theirs"))));
    expect(await objects.statuses(requests.get(first), requests.get(second))).toEqual([Success, Success]);
    expect(await objects.attribute(first, "x-note")).toBe("theirs");
  });

  it("keep a key from leaving that they block meanwhile", async () => {
    const objects = new Undoing();
    const first = await objects.activeKey(KEY);
    const second = await objects.activeKey(OTHER_KEY);
    objects.meanwhile(second, () => objects.store.setServed(objects.tenant.instanceId, first, false));
    const batch = [requests.get(first), requests.get(second)];
    const answer = await objects.raw(writeRequest("1.4", batch, { continuation: "undo" }));
    expect(answer.includes(KEY) || answer.includes(OTHER_KEY)).toBe(false);
    expect(readResponse(answer).items).toMatchObject([
      { status: OperationFailed, resultReason: PermissionDenied },
      { status: OperationUndone },
    ]);
  });
});

describe("a batch with Undo that the store cannot carry out in the end", () => {
  async function three(objects: Undoing): Promise<[string, string, string]> {
    const make = () => objects.make(registerKey(KEY));
    return [await make(), await make(), await make()];
  }

  it("undoes everything if the key manager refuses a destruction", async () => {
    const objects = new Undoing();
    const [one, two, last] = await three(objects);
    const before = await objects.everything();
    objects.store.failNext("destroy", "refused");
    const items = await objects.undo(requests.activate(one), requests.destroy(two), requests.get(last));
    expect(items.map(({ status }) => status)).toEqual([OperationUndone, OperationFailed, OperationUndone]);
    expect(items[1]?.resultReason).toBe(PermissionDenied);
    expect(await objects.everything()).toEqual(before);
  });

  it("says so of what is destroyed already and does not come back", async () => {
    const objects = new Undoing();
    const [one, two, last] = await three(objects);
    objects.store.failNext("destroy", null);
    objects.store.failNext("destroy", "unavailable");
    objects.audit.records.length = 0;
    const items = await objects.undo(requests.activate(one), requests.destroy(two), requests.destroy(last));
    expect(items.map(({ status }) => status)).toEqual([OperationUndone, Success, OperationFailed]);
    expect(objects.audit.records).toMatchObject([
      { operation: Operation.Activate, outcome: "failure", undone: true },
      { operation: Operation.Destroy, outcome: "success", uniqueIdentifiers: [two] },
      { operation: Operation.Destroy, outcome: "failure", uniqueIdentifiers: [last] },
    ]);
    expect(textIn(items[1]?.payload ?? [], Tag.UniqueIdentifier)).toBe(two);
    expect(await objects.attribute(one, "State")).toBe(State.PreActive);
    expect(await objects.attribute(two, "State")).toBe(State.Destroyed);
    expect((await objects.key(last)).equals(KEY)).toBe(true);
  });

  it("fails as a whole if the changes cannot be made durable", async () => {
    const objects = new Undoing();
    objects.store.failNext("commit", "unavailable");
    expect(await objects.statuses(requests.create(), requests.query([1]))).toEqual([
      OperationFailed,
      OperationUndone,
    ]);
    expect(objects.store.objects(objects.tenant.instanceId)).toEqual([]);
  });

  it("promises nothing if it is not known what became of it", async () => {
    const objects = new Undoing();
    const identifier = await objects.make(registerKey(KEY));
    objects.store.failNext("commit", "unknown");
    const items = await objects.undo(requests.destroy(identifier), requests.query([1]));
    expect(items.map(({ resultReason }) => resultReason)).toEqual([GeneralFailure, GeneralFailure]);
  });

  it("reports neither keys nor changes nor their undoing without an audit record", async () => {
    const objects = new Undoing();
    objects.audit.broken = true;
    for (const last of [fails, requests.query([1])]) {
      const items = await objects.undo(requests.create(), last);
      expect(items[0]).toMatchObject({ status: OperationFailed, resultReason: GeneralFailure });
    }
  });
});
