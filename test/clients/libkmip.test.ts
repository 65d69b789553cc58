/** OpenKMIP's libkmip and what else is written in C. */
import { expect, it } from "vitest";
import { nameAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { textIn } from "@/lib/kmip/client/responses";
import { RevocationReasonCode, State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { identifiersIn, live } from "./live";

const endpoint = live();

it("revokes a key for another reason than a compromise, with a date of compromise", async () => {
  const libkmip = await endpoint.connect({ version: "1.0" });
  const identifier = await libkmip.make(requests.create());
  await libkmip.ok(requests.activate(identifier));
  const { Unspecified } = RevocationReasonCode;
  await libkmip.ok(requests.revoke(identifier, Unspecified, new Date(1_700_000_000_000)));
  expect(await libkmip.attribute(identifier, "State")).toEqual([State.Deactivated]);
  expect(await libkmip.attribute(identifier, "Compromise Occurrence Date")).toEqual([]);
  await libkmip.ok(requests.destroy(identifier));
});

it("counts the null at the end of a string in", async () => {
  const c = await endpoint.connect({ version: "1.1" });
  const withNull = (message: Buffer, value: string) => {
    message[message.indexOf(`${value}#`) + value.length] = 0;
    return message;
  };
  const create = withNull(writeRequest("1.1", [requests.create({ name: "volume-7#" })]), "volume-7");
  const identifier = textIn((await c.raw(create)).items[0]?.payload ?? [], Tag.UniqueIdentifier) ?? "";
  expect(identifiersIn(await c.ok(requests.locate([nameAttribute("volume-7")])))).toEqual([identifier]);
  const locate = withNull(writeRequest("1.1", [requests.locate([nameAttribute("volume-7#")])]), "volume-7");
  expect(identifiersIn((await c.raw(locate)).items[0]?.payload ?? [])).toEqual([identifier]);
  const get = withNull(writeRequest("1.1", [requests.get(`${identifier}#`)]), identifier);
  expect((await c.raw(get)).items[0]?.resultReason).toBeNull();
});
