/** Percona's pg_tde and Server for MongoDB (to 6.0.5): Key Compression Type with a symmetric key. */
import { expect, it } from "vitest";
import { nameAttribute, requests } from "@/lib/kmip/client/client";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration } from "@/lib/kmip/ttlv";
import { registerKey, usageMask } from "../kmip/payloads";
import { identifiersIn, live, materialIn } from "./live";

const endpoint = live();

it.each([
  ["MongoDB", "1.0", 32],
  ["pg_tde", "1.0", 16],
  ["pg_tde", "1.4", 16],
] as const)("%s registers its master key in %s, and finds it again", async (_, version, size) => {
  const percona = await endpoint.connect({ version });
  const key = Buffer.alloc(size, 3);
  const attributes = [usageMask(12), nameAttribute("master")];
  const extra = [enumeration(Tag.KeyCompressionType, 1)];
  const identifier = await percona.make(registerKey(key, attributes, { extra }));
  expect(identifiersIn(await percona.ok(requests.locate([nameAttribute("master")])))).toEqual([identifier]);
  expect(materialIn(await percona.ok(requests.get(identifier)))).toEqual(key);
});
