/** Templates (KMIP 1.x) over a real database: two endpoints, what one registers the other uses. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { nameAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { attributesIn, childrenOf, readResponse, textIn } from "@/lib/kmip/client/responses";
import { createKmipEngine, type KmipEngine } from "@/lib/kmip/engine/engine";
import type { Tenant } from "@/lib/kmip/ports";
import { ObjectType, Operation } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { MemoryAuditWriter } from "@/lib/kmip/testing/memory-ports";
import { enumeration, structure } from "@/lib/kmip/ttlv";
import { template } from "@/test/kmip/payloads";
import { createWorld, type World } from "./world";

let world: World;
let tenant: Tenant;
const engines: KmipEngine[] = [];

beforeAll(async () => {
  world = await createWorld();
  tenant = await world.instance();
  for (let n = 0; n < 2; n += 1) {
    const store = await world.endpoint();
    engines.push(createKmipEngine({ store, audit: new MemoryAuditWriter(), logger: world.logger }));
  }
});

afterAll(() => world.close());

async function ask(engine: KmipEngine | undefined, request: Parameters<typeof writeRequest>[1][number]) {
  if (engine === undefined) {
    throw new Error("no engine");
  }
  const origin = { tenant, remoteAddress: "192.0.2.7", remotePort: 40_000 };
  const response = await engine.handle(writeRequest("1.2", [request]), origin);
  const [item] = readResponse(Buffer.from(response.bytes)).items;
  response.release();
  if (item?.resultReason !== null) {
    throw new Error(`${item?.resultReason}: ${item?.message}`);
  }
  return item.payload;
}

it("are kept, found by name, and gone when they are destroyed", async () => {
  const [one, other] = engines;
  const content = childrenOf(requests.create({ length: 192 }).payload[1]);
  const registered = await ask(one, {
    operation: Operation.Register,
    payload: [
      enumeration(Tag.ObjectType, ObjectType.Template),
      template([nameAttribute("plan")]),
      structure(Tag.Template, content),
    ],
  });
  const identifier = textIn(registered, Tag.UniqueIdentifier) ?? "";
  const create = {
    operation: Operation.Create,
    payload: [
      enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
      structure(Tag.TemplateAttribute, [
        structure(Tag.Name, childrenOf(childrenOf(childrenOf(template([nameAttribute("plan")]))[0])[1])),
      ]),
    ],
  };
  const key = textIn(await ask(other, create), Tag.UniqueIdentifier) ?? "";
  const attributes = attributesIn(await ask(one, requests.getAttributes(key, ["Cryptographic Length"])));
  expect(attributes.map(({ value }) => value.v)).toEqual([192]);
  await ask(one, requests.destroy(identifier));
  await expect(ask(other, create)).rejects.toThrow("1: There is no such template");
});
