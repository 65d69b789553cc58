/** IBM's and others' disk arrays: one batch of Query, Locate, Get as Opaque and Get Attributes in 1.0. */
import { expect, it } from "vitest";
import { requests } from "@/lib/kmip/client/client";
import { attributeNamesIn, attributesIn, numberIn } from "@/lib/kmip/client/responses";
import { KeyFormatType, Operation, QueryFunction } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration, integer } from "@/lib/kmip/ttlv";
import { attributeOf, registerKey, registerSecret, usageMask } from "../kmip/payloads";
import { blockIn, identifiersIn, live, materialIn } from "./live";

const endpoint = live();
const resource = { name: "x-ResourceID", value: { t: "text", v: "array 351538/351539" } } as const;
const system = { name: "x-SystemID", value: { t: "text", v: "351538" } } as const;

it.each(["a key", "secret data"])(
  "finds %s that is kept as Raw, and gets its bytes as Opaque",
  async (kind) => {
    const array = await endpoint.connect({ version: "1.0" });
    const bytes = Buffer.alloc(32, 9);
    const attributes = [resource, system];
    const identifier = await array.make(
      kind === "a key"
        ? registerKey(bytes, [usageMask(12), ...attributes])
        : registerSecret(bytes, attributes, KeyFormatType.Raw),
    );
    await array.make(registerKey(Buffer.alloc(32, 8), [usageMask(12), system]));
    const { QueryOperations, QueryObjects, QueryServerInformation, QueryApplicationNamespaces } =
      QueryFunction;
    const names = ["Unique Identifier", "Object Type", "Initial Date", "State", "Last Change Date"];
    const [query, locate, get, told, list] = await array.batch(
      requests.query([QueryOperations, QueryObjects, QueryServerInformation, QueryApplicationNamespaces]),
      {
        operation: Operation.Locate,
        payload: [integer(Tag.MaximumItems, 1), attributeOf(resource), attributeOf(system)],
      },
      { operation: Operation.Get, payload: [enumeration(Tag.KeyFormatType, KeyFormatType.Opaque)] },
      requests.getAttributes(undefined, names),
      requests.getAttributeList(),
    );
    expect(query?.payload.map(({ value }) => value)).toContain(Operation.Get);
    expect(identifiersIn(locate?.payload ?? [])).toEqual([identifier]);
    expect(materialIn(get?.payload ?? [])).toEqual(bytes);
    expect(numberIn(blockIn(get?.payload ?? []), Tag.KeyFormatType)).toBe(KeyFormatType.Opaque);
    expect(attributesIn(told?.payload ?? []).map(({ name }) => name)).toEqual(names);
    expect(attributeNamesIn(list?.payload ?? [])).toEqual(
      expect.arrayContaining(["x-ResourceID", "x-SystemID"]),
    );
  },
);
