/** Dell PowerScale (OneFS): secret data with attributes of its own, one of them named "Custom Attribute". */
import { expect, it } from "vitest";
import { nameAttribute, requests } from "@/lib/kmip/client/client";
import { KeyFormatType } from "@/lib/kmip/protocol/enumerations";
import { registerSecret } from "../kmip/payloads";
import { identifiersIn, live, materialIn } from "./live";

const endpoint = live();
const textual = (name: string, v: string) => ({ name, value: { t: "text", v } }) as const;

it("registers, finds and gets its secret in 1.0", async () => {
  const onefs = await endpoint.connect({ version: "1.0" });
  const secret = Buffer.from("0123456789abcdef0123456789abcdef");
  const attributes = [
    nameAttribute("isilon-1"),
    textual("x-Isilon-Cluster", "cluster-1"),
    textual("x-Isilon-Node", "3"),
    textual("Contact Information", "storage@example.com"),
    textual("Custom Attribute", "isilon"),
  ];
  const identifier = await onefs.make(registerSecret(secret, attributes, KeyFormatType.Raw));
  for (const { name, value } of attributes.slice(1)) {
    expect(await onefs.attribute(identifier, name)).toEqual([value.v]);
  }
  const found = await onefs.ok(requests.locate([textual("x-Isilon-Cluster", "cluster-1")]));
  expect(identifiersIn(found)).toEqual([identifier]);
  expect(materialIn(await onefs.ok(requests.get(identifier)))).toEqual(secret);
});
