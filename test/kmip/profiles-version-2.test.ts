/** What the profiles of 2.x ask for: reasons, Quantum Safe keys, roles and tags. */
import { describe, expect, it } from "vitest";
import { type ClientAttribute, requests } from "@/lib/kmip/client/client";
import { bytesIn, numberIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicAlgorithm,
  EndpointRole,
  Operation,
  QueryFunction,
  ResultReason,
  RevocationReasonCode,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, type Item, integer, structure } from "@/lib/kmip/ttlv";
import { hex, Objects, on, usageMask } from "./payloads";

const { AES, ChaCha20Poly1305, HMAC_SHA256, HMAC_SHA1, DES3, Camellia, RC4 } = CryptographicAlgorithm;
const BLOCK = Buffer.alloc(16, 7);
const parameters = (...fields: Item[]) => structure(Tag.CryptographicParameters, fields);
const mode = (code: number) => enumeration(Tag.BlockCipherMode, code);
const using = (operation: number, identifier: string, fields: readonly Item[], ...more: Item[]) =>
  on(operation, identifier, [parameters(...fields), bytes(Tag.Data, BLOCK), ...more]);

function speaking(version: "2.0" | "2.1"): Objects {
  const objects = new Objects();
  objects.version = version;
  return objects;
}

async function active(objects: Objects, attributes: ClientAttribute[] = []): Promise<string> {
  const identifier = await objects.make(requests.create({ attributes }));
  await objects.ok(requests.activate(identifier));
  return identifier;
}

describe.each(["2.0", "2.1"] as const)("reasons of the mandatory cases in %s", (version) => {
  const { Encrypt, Decrypt } = Operation;

  it("Invalid Message for an IV that is missing", async () => {
    const objects = speaking(version);
    const identifier = await active(objects);
    for (const operation of [Encrypt, Decrypt]) {
      const request = using(operation, identifier, [mode(BlockCipherMode.CBC)]);
      expect(await objects.reason(request)).toBe(ResultReason.InvalidMessage);
    }
  });

  it("Permission Denied for more than the Usage Limits allow", async () => {
    const objects = speaking(version);
    const limits: ClientAttribute = {
      name: "Usage Limits",
      value: {
        t: "structure",
        v: [
          { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "16" } },
          { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: 1 } },
        ],
      },
    };
    const identifier = await active(objects, [limits]);
    const request = using(Encrypt, identifier, [mode(BlockCipherMode.ECB)]);
    expect(await objects.reason(request)).toBeNull();
    expect(await objects.reason(request)).toBe(ResultReason.PermissionDenied);
  });

  it.each([1, 32])("General Failure for a tag of %i bytes", async (length) => {
    const objects = speaking(version);
    const identifier = await active(objects);
    const request = using(
      Encrypt,
      identifier,
      [mode(BlockCipherMode.GCM), integer(Tag.TagLength, length)],
      bytes(Tag.IVCounterNonce, BLOCK.subarray(0, 12)),
    );
    expect(await objects.reason(request)).toBe(ResultReason.GeneralFailure);
  });

  it("Permission Denied (2.0) or Wrong Key Lifecycle State (2.1) for the use of a key in the wrong state", async () => {
    const objects = speaking(version);
    const identifier = await objects.make(requests.create());
    const reason = version === "2.0" ? ResultReason.PermissionDenied : ResultReason.WrongKeyLifecycleState;
    for (const operation of [Encrypt, Decrypt]) {
      const request = using(operation, identifier, [mode(BlockCipherMode.ECB)]);
      expect(await objects.reason(request)).toBe(reason);
    }
    await objects.ok(requests.activate(identifier));
    expect(await objects.reason(requests.destroy(identifier))).toBe(ResultReason.WrongKeyLifecycleState);
    expect(await objects.reason(requests.activate(identifier))).toBe(ResultReason.WrongKeyLifecycleState);
    await objects.ok(requests.revoke(identifier, RevocationReasonCode.Unspecified));
    expect(await objects.reason(using(Encrypt, identifier, [mode(BlockCipherMode.ECB)]))).toBe(reason);
  });
});

describe.each(["2.0", "2.1"] as const)("Set Endpoint Role in %s", (version) => {
  const setRole = (role: number) => ({
    operation: Operation.SetEndpointRole,
    payload: [enumeration(Tag.EndpointRole, role)],
  });

  it("leaves the server a server, and makes it no client", async () => {
    const objects = speaking(version);
    const payload = await objects.ok(setRole(EndpointRole.Server));
    expect(numberIn(payload, Tag.EndpointRole)).toBe(EndpointRole.Server);
    expect(await objects.reason(setRole(EndpointRole.Client))).toBe(ResultReason.FeatureNotSupported);
    const operations = await objects.ok(requests.query([QueryFunction.QueryOperations]));
    expect(operations.map(({ value }) => value)).toContain(Operation.SetEndpointRole);
    objects.version = "1.4";
    expect(await objects.reason(setRole(EndpointRole.Server))).toBe(ResultReason.OperationNotSupported);
  });
});

describe.each(["2.0", "2.1"] as const)("Quantum Safe in %s", (version) => {
  const safe = (v: boolean): ClientAttribute => ({ name: "Quantum Safe", value: { t: "boolean", v } });

  it.each([
    [AES, 128],
    [AES, 192],
    [DES3, 168],
    [HMAC_SHA1, 160],
    [RC4, 2048],
  ])("true refuses algorithm %i with %i bits, and makes nothing", async (algorithm, length) => {
    const objects = speaking(version);
    const create = requests.create({ algorithm, length, attributes: [safe(true)] });
    const refused = await objects.result(create);
    expect(refused.resultReason).toBe(ResultReason.GeneralFailure);
    expect(refused.message).toContain("Quantum Safe");
    expect(objects.store.objects("instance-a")).toEqual([]);
    await objects.ok(requests.create({ algorithm, length, attributes: [safe(false)] }));
  });

  it.each([
    [AES, 256],
    [Camellia, 256],
    [ChaCha20Poly1305, 256],
    [HMAC_SHA256, 256],
  ])("true makes algorithm %i with %i bits", async (algorithm, length) => {
    const objects = speaking(version);
    const identifier = await objects.make(requests.create({ algorithm, length, attributes: [safe(true)] }));
    expect(await objects.attribute(identifier, "Quantum Safe")).toBe(true);
  });

  it("true cannot be said later of what is not, nor handed to a shorter replacement", async () => {
    const objects = speaking(version);
    const weak = await objects.make(requests.create({ length: 128 }));
    for (const write of [requests.addAttribute(weak, safe(true)), requests.setAttribute(weak, safe(true))]) {
      expect(await objects.reason(write)).toBe(ResultReason.GeneralFailure);
    }
    await objects.ok(requests.addAttribute(weak, safe(false)));
    expect(await objects.reason(requests.modifyAttribute(weak, safe(true)))).toBe(
      ResultReason.GeneralFailure,
    );
    const strong = await objects.make(requests.create({ attributes: [safe(true)] }));
    const shorter = on(Operation.ReKey, strong, [
      structure(Tag.Attributes, [integer(Tag.CryptographicLength, 128)]),
    ]);
    expect(await objects.reason(shorter)).toBe(ResultReason.GeneralFailure);
    await objects.make(on(Operation.ReKey, strong));
  });
});

describe("ChaCha20-Poly1305 (RFC 8439, 2.8.2)", () => {
  const KEY = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const TAG = hex("1ae10b594f09e26a7e902ecbd0600691");
  const NONCE = bytes(Tag.IVCounterNonce, hex("070000004041424344454647"));
  const AAD = bytes(Tag.AuthenticatedEncryptionAdditionalData, hex("50515253c0c1c2c3c4c5c6c7"));
  const PLAIN = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );

  it.each([16, 12])("takes and makes tags of %i bytes", async (length) => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [usageMask(12)], { algorithm: ChaCha20Poly1305 });
    const fields = parameters(mode(BlockCipherMode.AEAD), integer(Tag.TagLength, length));
    const sealed = await objects.ok(
      on(Operation.Encrypt, identifier, [fields, bytes(Tag.Data, PLAIN), NONCE, AAD]),
    );
    expect(bytesIn(sealed, Tag.AuthenticatedEncryptionTag)).toEqual(TAG.subarray(0, length));
    const open = (tag: Uint8Array) =>
      on(Operation.Decrypt, identifier, [
        fields,
        bytes(Tag.Data, bytesIn(sealed, Tag.Data) ?? BLOCK),
        NONCE,
        AAD,
        bytes(Tag.AuthenticatedEncryptionTag, tag),
      ]);
    expect(bytesIn(await objects.ok(open(TAG.subarray(0, length))), Tag.Data)).toEqual(PLAIN);
    expect(await objects.reason(open(Buffer.alloc(length)))).toBe(ResultReason.CryptographicFailure);
  });
});
