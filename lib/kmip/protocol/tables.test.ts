import { describe, expect, it } from "vitest";
import { ATTRIBUTE_RULES } from "../attributes/rules";
import {
  CRYPTOGRAPHIC_ALGORITHMS,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  ENUMERATION_OF_TAG,
  KeyFormatType,
  OPERATIONS,
  Operation,
  QueryFunction,
  RESULT_REASONS,
  ResultReason,
  RevocationReasonCode,
  State,
} from "./enumerations";
import { TAGS, Tag } from "./tags";
import { formatVersion, KmipVersion, negotiate, SUPPORTED_VERSIONS } from "./versions";

describe("numbers of the specification", () => {
  it.each([
    [Tag.ActivationDate, 0x420001],
    [Tag.RequestMessage, 0x420078],
    [Tag.ResponseMessage, 0x42007b],
    [Tag.UniqueBatchItemID, 0x420093],
    [Tag.UniqueIdentifier, 0x420094],
    [Tag.ExtensionInformation, 0x4200a4],
    [Tag.ExtensionType, 0x4200a7],
    [Tag.Fresh, 0x4200a8],
    [Tag.OffsetItems, 0x4200d4],
    [Tag.NeverExtractable, 0x420123],
    [Operation.Get, 0x0a],
    [Operation.DiscoverVersions, 0x1e],
    [Operation.Export, 0x2b],
    [Operation.Ping, 0x3b],
    [ResultReason.ItemNotFound, 0x01],
    [ResultReason.PermissionDenied, 0x0c],
    [ResultReason.GeneralFailure, 0x100],
    [ResultReason.ObjectDestroyed, 0x36],
    [State.DestroyedCompromised, 6],
    [RevocationReasonCode.KeyCompromise, 2],
    [RevocationReasonCode.CACompromise, 3],
    [QueryFunction.QueryServerInformation, 3],
    [CryptographicAlgorithm.DES3, 2],
    [CryptographicAlgorithm.AES, 3],
    [CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt, 0x0c],
    [KeyFormatType.TransparentSymmetricKey, 7],
  ])("%#: %i is %i", (actual, expected) => {
    expect(actual).toBe(expected);
  });

  it("knows which version brought what", () => {
    expect(TAGS.has(Tag.Fresh, KmipVersion.V1_0)).toBe(false);
    expect(TAGS.has(Tag.Fresh, KmipVersion.V1_1)).toBe(true);
    expect(TAGS.has(Tag.TemplateAttribute, KmipVersion.V1_4)).toBe(true);
    expect(TAGS.has(Tag.TemplateAttribute, KmipVersion.V2_0)).toBe(false);
    expect(OPERATIONS.has(Operation.DiscoverVersions, KmipVersion.V1_0)).toBe(false);
    expect(OPERATIONS.has(Operation.Encrypt, KmipVersion.V1_2)).toBe(true);
    expect(OPERATIONS.has(Operation.Import, KmipVersion.V1_3)).toBe(false);
    expect(OPERATIONS.since(Operation.SetAttribute)).toBe(KmipVersion.V2_0);
    expect(RESULT_REASONS.has(ResultReason.Sensitive, KmipVersion.V1_3)).toBe(false);
    expect(CRYPTOGRAPHIC_ALGORITHMS.has(CryptographicAlgorithm.ChaCha20, KmipVersion.V1_0)).toBe(false);
  });

  it("uses each code once in a table, and tags within the specification's range", () => {
    expect(TAGS.size).toBe(Object.keys(Tag).length);
    for (const tag of Object.values(Tag)) {
      expect(tag >> 8 === 0x4200 || tag >> 8 === 0x4201).toBe(true);
    }
    expect(OPERATIONS.size).toBe(Object.keys(Operation).length);
    expect(RESULT_REASONS.size).toBe(Object.keys(ResultReason).length);
  });

  it("names codes both ways", () => {
    expect(OPERATIONS.nameOf(0x04)).toBe("ReKey");
    expect(OPERATIONS.codeOf("ReKey")).toBe(0x04);
    expect(OPERATIONS.nameOf(0x7fff)).toBeUndefined();
    expect(ENUMERATION_OF_TAG.get(Tag.HashingAlgorithm)?.nameOf(6)).toBe("SHA_256");
  });
});

describe("attribute rules", () => {
  it("are one for each name and tag, and no older than their tag", () => {
    expect(new Set(ATTRIBUTE_RULES.map(({ name }) => name)).size).toBe(ATTRIBUTE_RULES.length);
    expect(new Set(ATTRIBUTE_RULES.map(({ tag }) => tag)).size).toBe(ATTRIBUTE_RULES.length);
    for (const { name, tag, since, fields = [] } of ATTRIBUTE_RULES) {
      expect(since, name).toBeGreaterThanOrEqual(TAGS.since(tag) ?? 99);
      for (const field of fields) {
        expect(field.since ?? since, `${name}, ${TAGS.nameOf(field.tag)}`).toBeGreaterThanOrEqual(
          TAGS.since(field.tag) ?? 99,
        );
      }
    }
  });

  it("never let a client change what only the server may", () => {
    const locked = ATTRIBUTE_RULES.filter(({ client }) => client === undefined);
    for (const { name, modify, remove } of locked) {
      expect([name, modify, remove]).toEqual([name, "never", "never"]);
    }
  });
});

describe("version negotiation", () => {
  it.each([
    [1, 0, { version: 10, newer: false }],
    [1, 1, { version: 11, newer: false }],
    [1, 4, { version: 14, newer: false }],
    [1, 9, { version: 14, newer: true }],
    [2, 0, { version: 20, newer: false }],
    [2, 1, { version: 21, newer: false }],
    [2, 7, { version: 21, newer: true }],
    [3, 0, null],
    [0, 9, null],
    [1, -1, null],
  ])("%i.%i", (major, minor, expected) => {
    expect(negotiate(major, minor)).toEqual(expected);
  });

  it("lists what is supported, most preferred first", () => {
    expect(SUPPORTED_VERSIONS.map(formatVersion)).toEqual(["2.1", "2.0", "1.4", "1.3", "1.2", "1.1", "1.0"]);
  });
});
