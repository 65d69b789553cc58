import { describe, expect, it } from "vitest";
import { type BatchRequest, requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import type { KeyStore } from "@/lib/kmip/ports";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  Operation,
  ResultReason,
  ResultStatus,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, structure } from "@/lib/kmip/ttlv";
import { hex, Objects, on, registerKey, usageMask } from "./payloads";

const KEY = hex("000102030405060708090a0b0c0d0e0f");
const OTHER_KEY = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const THIRD_KEY = hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
const { Success, OperationFailed } = ResultStatus;

const ecb = structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB)]);

/** Has a key blocked while the batch carries its Creates out; answers the bytes of the response. */
async function blockedWhile(
  objects: Objects,
  identifier: string,
  batch: readonly BatchRequest[],
): Promise<Buffer> {
  const { store } = objects;
  const create = store.create.bind(store);
  store.create = async (...args: Parameters<KeyStore["create"]>) => {
    store.setServed(objects.tenant.instanceId, identifier, false);
    return create(...args);
  };
  return objects.raw(writeRequest("1.4", batch, { continuation: "continue" }));
}

describe("a key that is blocked while a batch is carried out", () => {
  it("does not leave with its answer; all other answers do, as they were", async () => {
    const objects = new Objects();
    const blocked = await objects.activeKey(KEY);
    const [second, third] = [await objects.activeKey(OTHER_KEY), await objects.activeKey(THIRD_KEY)];
    const answer = await blockedWhile(objects, blocked, [
      requests.get(second),
      requests.get(blocked),
      requests.create({ name: "a key whose identifier is told" }),
      requests.get(third),
    ]);
    expect(answer.includes(KEY)).toBe(false);
    expect(answer.includes(OTHER_KEY) && answer.includes(THIRD_KEY)).toBe(true);
    expect(readResponse(answer).items).toMatchObject([
      { status: Success, operation: Operation.Get },
      { status: OperationFailed, resultReason: ResultReason.PermissionDenied, operation: Operation.Get },
      { status: Success, operation: Operation.Create },
      { status: Success, operation: Operation.Get },
    ]);
    // The audit tells the same.
    expect(
      objects.audit.records.slice(-4).map(({ outcome, servedMaterial }) => [outcome, servedMaterial]),
    ).toEqual([
      ["success", true],
      ["failure", false],
      ["success", false],
      ["success", true],
    ]);
  });

  it("gives no plaintext and wraps nothing", async () => {
    const objects = new Objects();
    const { Encrypt, Decrypt, WrapKey } = CryptographicUsageMask;
    const blocked = await objects.activeKey(KEY, [
      usageMask(Encrypt | Decrypt | WrapKey),
      {
        name: "Cryptographic Parameters",
        value: {
          t: "structure",
          v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.NISTKeyWrap } }],
        },
      },
    ]);
    const wrapped = await objects.activeKey(OTHER_KEY);
    const specification = structure(Tag.KeyWrappingSpecification, [
      enumeration(Tag.WrappingMethod, 1),
      structure(Tag.EncryptionKeyInformation, [
        ...on(Operation.Get, blocked).payload,
        structure(Tag.CryptographicParameters, [
          enumeration(Tag.BlockCipherMode, BlockCipherMode.NISTKeyWrap),
        ]),
      ]),
    ]);
    const answer = await blockedWhile(objects, blocked, [
      on(Operation.Decrypt, blocked, [ecb, bytes(Tag.Data, Buffer.alloc(16))]),
      on(Operation.Get, wrapped, [specification]),
      registerKey(KEY),
    ]);
    expect(readResponse(answer).items.map(({ status, resultReason }) => [status, resultReason])).toEqual([
      [OperationFailed, ResultReason.PermissionDenied],
      [OperationFailed, ResultReason.PermissionDenied],
      [Success, null],
    ]);
  });
});
