import { describe, expect, it } from "vitest";
import {
  type ClientAttribute,
  type KmipVersionName,
  nameAttribute,
  requests,
} from "@/lib/kmip/client/client";
import { attributesIn, bytesIn, childrenOf, find, numberIn, textIn } from "@/lib/kmip/client/responses";
import type { StoredValue } from "@/lib/kmip/ports";
import {
  CryptographicAlgorithm,
  ObjectType,
  ResultReason,
  ResultStatus,
  RevocationReasonCode,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration, structure } from "@/lib/kmip/ttlv";
import { EngineHarness } from "./harness";

const { KeyCompromise, CACompromise, Unspecified, Superseded } = RevocationReasonCode;

const date = (name: string, moment: Date): ClientAttribute => ({
  name,
  value: { t: "dateTime", v: Math.floor(moment.getTime() / 1000) },
});

class Keys extends EngineHarness {
  version: KmipVersionName = "1.4";

  async create(request: Parameters<typeof requests.create>[0] = {}): Promise<string> {
    const item = await this.one(this.version, requests.create(request));
    expect(item.message).toBeNull();
    return textIn(item.payload, Tag.UniqueIdentifier) ?? "";
  }

  async attribute(identifier: string, name: string): Promise<StoredValue["v"] | undefined> {
    const item = await this.one(this.version, requests.getAttributes(identifier, [name]));
    return attributesIn(item.payload)[0]?.value.v;
  }

  state = (identifier: string) => this.attribute(identifier, "State");

  async reason(request: Parameters<EngineHarness["one"]>[1]): Promise<number | null> {
    return (await this.one(this.version, request)).resultReason;
  }

  /** The key's bytes, or the Result Reason of the refusal. */
  async get(identifier: string): Promise<Uint8Array | number | null> {
    const item = await this.one(this.version, requests.get(identifier));
    if (item.status !== ResultStatus.Success) {
      return item.resultReason;
    }
    const block = childrenOf(find(childrenOf(find(item.payload, Tag.SymmetricKey)), Tag.KeyBlock));
    return bytesIn(childrenOf(find(block, Tag.KeyValue)), Tag.KeyMaterial);
  }

  /** A key in a state. */
  async inState(state: number): Promise<string> {
    const identifier = await this.create();
    if (state === State.Active || state === State.Deactivated) {
      await this.reason(requests.activate(identifier));
    }
    if (state === State.Deactivated) {
      await this.reason(requests.revoke(identifier, Unspecified));
    }
    if (state === State.Compromised || state === State.DestroyedCompromised) {
      await this.reason(requests.revoke(identifier, KeyCompromise));
    }
    if (state === State.Destroyed || state === State.DestroyedCompromised) {
      await this.reason(requests.destroy(identifier));
    }
    expect(await this.state(identifier)).toBe(state);
    return identifier;
  }
}

const { PreActive, Active, Deactivated, Compromised, Destroyed, DestroyedCompromised } = State;
const ALL_STATES = [PreActive, Active, Deactivated, Compromised, Destroyed, DestroyedCompromised];

describe("transitions (3.22)", () => {
  const { PermissionDenied, IllegalOperation } = ResultReason;

  it.each([
    ["Activate", PreActive, Active, null],
    ["Activate", Active, Active, PermissionDenied],
    ["Activate", Deactivated, Deactivated, PermissionDenied],
    ["Activate", Compromised, Compromised, PermissionDenied],
    ["Activate", Destroyed, Destroyed, PermissionDenied],
    ["Activate", DestroyedCompromised, DestroyedCompromised, PermissionDenied],
    ["Revoke", PreActive, PreActive, IllegalOperation],
    ["Revoke", Active, Deactivated, null],
    ["Revoke", Deactivated, Deactivated, IllegalOperation],
    ["Revoke", Compromised, Compromised, IllegalOperation],
    ["Revoke", Destroyed, Destroyed, IllegalOperation],
    ["Compromise", PreActive, Compromised, null],
    ["Compromise", Active, Compromised, null],
    ["Compromise", Deactivated, Compromised, null],
    ["Compromise", Compromised, Compromised, IllegalOperation],
    ["Compromise", Destroyed, DestroyedCompromised, null],
    ["Compromise", DestroyedCompromised, DestroyedCompromised, IllegalOperation],
    ["Destroy", PreActive, Destroyed, null],
    ["Destroy", Active, Active, PermissionDenied],
    ["Destroy", Deactivated, Destroyed, null],
    ["Destroy", Compromised, DestroyedCompromised, null],
    ["Destroy", Destroyed, Destroyed, PermissionDenied],
    ["Destroy", DestroyedCompromised, DestroyedCompromised, PermissionDenied],
  ] as const)("%s in state %i leads to state %i, reason %s", async (operation, from, to, reason) => {
    const keys = new Keys();
    const identifier = await keys.inState(from);
    const request = {
      Activate: requests.activate(identifier),
      Revoke: requests.revoke(identifier, Superseded),
      Compromise: requests.revoke(identifier, CACompromise),
      Destroy: requests.destroy(identifier),
    }[operation];
    expect(await keys.reason(request)).toBe(reason);
    expect(await keys.state(identifier)).toBe(to);
  });

  it("sets the dates that go with them", async () => {
    const keys = new Keys();
    const start = new Date("2027-01-01T00:00:00Z");
    keys.clock.set(start);
    const seconds = (offset: number) => start.getTime() / 1000 + offset;
    const identifier = await keys.create();
    keys.clock.advance(10);
    await keys.reason(requests.activate(identifier));
    keys.clock.advance(10);
    await keys.reason(requests.revoke(identifier, Unspecified));
    keys.clock.advance(10);
    await keys.reason(requests.revoke(identifier, KeyCompromise, new Date(6000)));
    keys.clock.advance(10);
    await keys.reason(requests.destroy(identifier));
    expect(await keys.attribute(identifier, "Activation Date")).toBe(seconds(10));
    expect(await keys.attribute(identifier, "Deactivation Date")).toBe(seconds(20));
    expect(await keys.attribute(identifier, "Compromise Date")).toBe(seconds(30));
    expect(await keys.attribute(identifier, "Compromise Occurrence Date")).toBe(6);
    expect(await keys.attribute(identifier, "Destroy Date")).toBe(seconds(40));
    expect(await keys.attribute(identifier, "Last Change Date")).toBe(seconds(40));
  });

  it("follow the dates of the object without any request", async () => {
    const keys = new Keys();
    const now = keys.clock.now();
    const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
    const identifier = await keys.create({
      attributes: [date("Activation Date", later(100)), date("Deactivation Date", later(200))],
    });
    expect(await keys.state(identifier)).toBe(PreActive);
    keys.clock.advance(101);
    expect(await keys.state(identifier)).toBe(Active);
    expect(await keys.reason(requests.destroy(identifier))).toBe(PermissionDenied);
    keys.clock.advance(100);
    expect(await keys.state(identifier)).toBe(Deactivated);
    expect(await keys.reason(requests.destroy(identifier))).toBeNull();
  });

  it("start Active with an Activation Date in the past, or by policy", async () => {
    const keys = new Keys();
    const past = new Date(keys.clock.now().getTime() - 3_600_000);
    const identifier = await keys.create({ attributes: [date("Activation Date", past)] });
    expect(await keys.state(identifier)).toBe(Active);
    const tenant = keys.tenants.pin("instance-a", "ee".repeat(32), { activateOnCreate: true });
    const item = await keys.one("1.1", requests.create(), tenant);
    expect(await keys.state(textIn(item.payload, Tag.UniqueIdentifier) ?? "")).toBe(Active);
  });

  it("refuse dates in the wrong order, and ignore an occurrence without a compromise", async () => {
    const keys = new Keys();
    const now = keys.clock.now();
    const item = await keys.one(
      "1.4",
      requests.create({
        attributes: [date("Activation Date", now), date("Deactivation Date", new Date(now.getTime() - 9000))],
      }),
    );
    expect(item.resultReason).toBe(ResultReason.InvalidField);
    const identifier = await keys.inState(Active);
    expect(await keys.reason(requests.revoke(identifier, 99))).toBe(ResultReason.InvalidField);
    expect(await keys.reason(requests.revoke(identifier, Unspecified, now))).toBeNull();
    expect(await keys.state(identifier)).toBe(Deactivated);
    const dates = await keys.one(
      "1.0",
      requests.getAttributes(identifier, ["Compromise Occurrence Date", "Deactivation Date"]),
    );
    expect(attributesIn(dates.payload).map(({ name }) => name)).toEqual(["Deactivation Date"]);
  });
});

describe("Get", () => {
  it("serves Pre-Active, Active, Deactivated and Compromised, and nothing that is destroyed", async () => {
    const keys = new Keys();
    for (const state of ALL_STATES) {
      const answer = await keys.get(await keys.inState(state));
      if (state === Destroyed || state === DestroyedCompromised) {
        expect(answer).toBe(ResultReason.ItemNotFound);
      } else {
        expect(answer).toHaveProperty("length", 32);
      }
    }
  });

  it("refuses Compromised if the instance says so", async () => {
    const keys = new Keys();
    const identifier = await keys.inState(Compromised);
    const strict = keys.tenants.pin("instance-a", "ff".repeat(32), { serveCompromised: false });
    const item = await keys.one("1.4", requests.get(identifier), strict);
    expect(item.resultReason).toBe(ResultReason.PermissionDenied);
  });

  it("refuses what the key owner has revoked, and serves it again when that is lifted", async () => {
    const keys = new Keys();
    const identifier = await keys.create();
    keys.store.setServed("instance-a", identifier, false);
    const item = await keys.one("1.1", requests.get(identifier));
    expect(item.resultReason).toBe(ResultReason.PermissionDenied);
    expect(item.message).toContain("revoked by the key owner");
    expect(await keys.state(identifier)).toBe(PreActive);
    keys.store.setServed("instance-a", identifier, true);
    expect(await keys.get(identifier)).toHaveProperty("length", 32);
  });

  it("treats an object whose material is gone as destroyed, and keeps it so", async () => {
    const keys = new Keys();
    const identifier = await keys.create();
    keys.store.deleteMaterial("instance-a", identifier);
    expect(await keys.get(identifier)).toBe(ResultReason.ItemNotFound);
    expect(await keys.state(identifier)).toBe(Destroyed);
    expect(keys.audit.records.at(-2)?.detail).toContain("standard key");
  });

  it("maps a key manager that refuses or does not answer, and tells the client no detail", async () => {
    const keys = new Keys();
    const identifier = await keys.create();
    keys.store.failNext("readMaterial", "refused");
    expect(await keys.get(identifier)).toBe(ResultReason.PermissionDenied);
    keys.store.failNext("readMaterial", "unavailable");
    const item = await keys.one("1.1", requests.get(identifier));
    expect(item.resultReason).toBe(ResultReason.GeneralFailure);
    expect(item.message).not.toContain("told to fail");
    expect(keys.audit.records.at(-1)?.detail).toContain("told to fail");
    expect(await keys.get(identifier)).toHaveProperty("length", 32);
  });

  it("offers the formats of symmetric keys only, uncompressed", async () => {
    const keys = new Keys();
    const identifier = await keys.create();
    const get = requests.get(identifier);
    const withField = (item: Parameters<typeof structure>[1][number]) =>
      keys.reason({ ...get, payload: [...get.payload, item] });
    expect(await withField(enumeration(Tag.KeyFormatType, 1))).toBeNull();
    expect(await withField(enumeration(Tag.KeyFormatType, 2))).toBeNull();
    expect(await withField(enumeration(Tag.KeyFormatType, 3))).toBe(ResultReason.KeyFormatTypeNotSupported);
    expect(await withField(enumeration(Tag.KeyFormatType, 0x55))).toBe(ResultReason.InvalidField);
    expect(await withField(enumeration(Tag.KeyCompressionType, 1))).toBeNull();
    expect(await withField(enumeration(Tag.KeyCompressionType, 2))).toBe(
      ResultReason.KeyCompressionTypeNotSupported,
    );
    expect(await withField(structure(Tag.KeyWrappingSpecification, []))).toBe(ResultReason.InvalidMessage);
  });

  it("does not serve what the client made sensitive or not extractable, in words that the version has", async () => {
    const keys = new Keys();
    const flag = (name: string, v: boolean): ClientAttribute => ({ name, value: { t: "boolean", v } });
    const sensitive = await keys.create({ attributes: [flag("Sensitive", true)] });
    expect(await keys.get(sensitive)).toBe(ResultReason.Sensitive);
    const locked = await keys.create({ attributes: [flag("Extractable", false)] });
    expect(await keys.get(locked)).toBe(ResultReason.NotExtractable);
    expect(await keys.attribute(locked, "Never Extractable")).toBe(true);
    await keys.one("1.4", requests.modifyAttribute(sensitive, flag("Sensitive", false)));
    expect(await keys.attribute(sensitive, "Always Sensitive")).toBe(false);
    expect(await keys.get(sensitive)).toHaveProperty("length", 32);
    keys.version = "1.1";
    expect(await keys.get(locked)).toBe(ResultReason.PermissionDenied);
  });

  it("turns Fresh off without touching Last Change Date", async () => {
    const keys = new Keys();
    const identifier = await keys.create();
    const changed = await keys.attribute(identifier, "Last Change Date");
    expect(await keys.attribute(identifier, "Fresh")).toBe(true);
    keys.clock.advance(60);
    await keys.get(identifier);
    expect(await keys.attribute(identifier, "Fresh")).toBe(false);
    expect(await keys.attribute(identifier, "Last Change Date")).toBe(changed);
  });

  it("never shows one instance's objects to another", async () => {
    const keys = new Keys();
    const identifier = await keys.create({ name: "theirs" });
    const other = keys.tenants.pin("instance-b", "bb".repeat(32));
    for (const request of [
      requests.get(identifier),
      requests.getAttributes(identifier),
      requests.getAttributeList(identifier),
      requests.activate(identifier),
      requests.revoke(identifier, KeyCompromise),
      requests.destroy(identifier),
      requests.addAttribute(identifier, { name: "x-a", value: { t: "text", v: "b" } }),
      requests.modifyAttribute(identifier, nameAttribute("mine")),
      requests.deleteAttribute(identifier, "Name"),
    ]) {
      expect((await keys.one("1.4", request, other)).resultReason).toBe(ResultReason.ItemNotFound);
    }
    for (const request of [requests.locate(), requests.locate([nameAttribute("theirs")])]) {
      expect((await keys.one("1.4", request, other)).payload).toEqual([]);
    }
    expect(await keys.one("1.4", requests.create({ name: "theirs" }), other)).toMatchObject({ status: 0 });
    expect(await keys.get(identifier)).toHaveProperty("length", 32);
  });
});

describe("Create", () => {
  const { AES, DES3, HMAC_SHA256, RSA, RC4, Camellia } = CryptographicAlgorithm;

  it.each([
    [AES, 128, 16],
    [AES, 192, 24],
    [AES, 256, 32],
    [DES3, 112, 16],
    [DES3, 168, 24],
    [DES3, 192, 24],
    [Camellia, 192, 24],
    [HMAC_SHA256, 512, 64],
  ])("makes keys of algorithm %i with %i bits in %i bytes", async (algorithm, length, size) => {
    const keys = new Keys();
    const identifier = await keys.create({ algorithm, length });
    const material = await keys.get(identifier);
    expect(material).toHaveProperty("length", size);
    expect(await keys.attribute(identifier, "Cryptographic Length")).toBe(length);
    if (algorithm === DES3 && material instanceof Uint8Array) {
      for (const byte of material) {
        expect(byte.toString(2).replaceAll("0", "").length % 2).toBe(1);
      }
    }
  });

  it.each([
    [AES, 255],
    [AES, 512],
    [AES, 0],
    [AES, -256],
    [DES3, 64],
    [RSA, 2048],
    [RC4, 129],
  ])("refuses algorithm %i with %i bits", async (algorithm, length) => {
    const item = await new Keys().one("1.4", requests.create({ algorithm, length }));
    expect(item.resultReason).toBe(ResultReason.InvalidField);
  });

  it("chooses the length if the client does not, and says so", async () => {
    const keys = new Keys();
    const full = requests.create();
    const [type, template] = full.payload;
    if (type === undefined || template === undefined) {
      throw new Error("unreachable");
    }
    const payload = [type, structure(Tag.TemplateAttribute, childrenOf(template).slice(0, 2))];
    const item = await keys.one("1.4", { ...full, payload });
    const implicit = childrenOf(find(item.payload, Tag.TemplateAttribute));
    expect(attributesIn(implicit)).toEqual([
      { name: "Cryptographic Length", value: { t: "integer", v: 256 } },
    ]);
    const missing = [type, structure(Tag.TemplateAttribute, childrenOf(template).slice(0, 1))];
    expect(await keys.reason({ ...full, payload: missing })).toBe(ResultReason.InvalidField);
  });

  it("makes symmetric keys only, and knows no templates", async () => {
    const keys = new Keys();
    const full = requests.create();
    const [, template] = full.payload;
    if (template === undefined) {
      throw new Error("unreachable");
    }
    for (const type of [ObjectType.PrivateKey, ObjectType.SecretData, 0x77]) {
      const payload = [enumeration(Tag.ObjectType, type), template];
      expect(await keys.reason({ ...full, payload })).toBe(ResultReason.InvalidField);
    }
  });

  it("keeps Names unique among objects that are not destroyed", async () => {
    const keys = new Keys();
    const first = await keys.create({ name: "cluster-1" });
    expect(await keys.reason(requests.create({ name: "cluster-1" }))).toBe(ResultReason.InvalidField);
    const second = await keys.create({ name: "cluster-2" });
    expect(await keys.reason(requests.modifyAttribute(second, nameAttribute("cluster-1")))).toBe(
      ResultReason.IllegalOperation,
    );
    expect(await keys.reason(requests.addAttribute(second, nameAttribute("cluster-1")))).toBe(
      ResultReason.IllegalOperation,
    );
    await keys.reason(requests.destroy(first));
    await keys.create({ name: "cluster-1" });
  });

  it("maps what the store says", async () => {
    const keys = new Keys();
    keys.store.failNext("create", "duplicate");
    expect(await keys.reason(requests.create())).toBe(ResultReason.InvalidField);
    keys.store.failNext("create", "refused");
    expect(await keys.reason(requests.create())).toBe(ResultReason.PermissionDenied);
    keys.store.failNext("create", "unavailable");
    expect(await keys.reason(requests.create())).toBe(ResultReason.GeneralFailure);
    expect(keys.store.objects("instance-a")).toEqual([]);
  });

  it("gives every key other bytes and a Digest of them", async () => {
    const keys = new Keys();
    const [a, b] = [await keys.create(), await keys.create()];
    expect(await keys.get(a)).not.toEqual(await keys.get(b));
    const item = await keys.one("1.4", requests.getAttributes(a, ["Digest"]));
    const digest = childrenOf(find(childrenOf(find(item.payload, Tag.Attribute)), Tag.AttributeValue));
    const material = await keys.get(a);
    if (!(material instanceof Uint8Array)) {
      throw new Error("unreachable");
    }
    const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(material)));
    expect(Buffer.from(bytesIn(digest, Tag.DigestValue) ?? []).equals(expected)).toBe(true);
    expect(numberIn(digest, Tag.HashingAlgorithm)).toBe(6);
  });
});

describe("changes by others", () => {
  it("are met with another try, three times at most", async () => {
    const keys = new Keys();
    const identifier = await keys.create();
    keys.store.failNext("update", "conflict");
    keys.store.failNext("update", "conflict");
    expect(await keys.reason(requests.activate(identifier))).toBeNull();
    for (let n = 0; n < 3; n += 1) {
      keys.store.failNext("destroy", "conflict");
    }
    await keys.reason(requests.revoke(identifier, Unspecified));
    expect(await keys.reason(requests.destroy(identifier))).toBe(ResultReason.GeneralFailure);
    expect(await keys.state(identifier)).toBe(Deactivated);
    expect(await keys.get(identifier)).toHaveProperty("length", 32);
  });
});
