/** FortiGate (FortiOS 7.6): keys of an IPsec tunnel by their names, four at a time. */
import { expect, it } from "vitest";
import { nameAttribute, requests } from "@/lib/kmip/client/client";
import { CryptographicAlgorithm, Operation } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { integer } from "@/lib/kmip/ttlv";
import { template } from "../kmip/payloads";
import { credential, identifiersIn, live, materialIn } from "./live";

const endpoint = live();
const NAMES = ["tunnel-enc-out", "tunnel-auth-out", "tunnel-enc-in", "tunnel-auth-in"];

const locate = (name: string) => ({
  operation: Operation.Locate,
  payload: [
    integer(Tag.MaximumItems, 1),
    template([{ name: "Object Type", value: { t: "enumeration", v: 2 } }, nameAttribute(name)]),
  ],
});

it("finds each key by its name in a Template-Attribute, and gets the four of them", async () => {
  const options = { version: "1.0", order: true, header: [credential("fgt", "secret")] } as const;
  const fortigate = await endpoint.connect(options);
  const made = await fortigate.batch(
    ...NAMES.map((name) =>
      name.includes("auth")
        ? requests.create({
            name,
            algorithm: CryptographicAlgorithm.HMAC_SHA1,
            length: 160,
            usageMask: 0x180,
          })
        : requests.create({ name }),
    ),
  );
  const identifiers = made.flatMap(({ payload }) => identifiersIn(payload));
  await fortigate.make(requests.create({ name: "another" }));
  const located = await fortigate.batch(...NAMES.map(locate));
  expect(located.map(({ payload }) => identifiersIn(payload))).toEqual(identifiers.map((one) => [one]));
  const got = await fortigate.batch(...identifiers.map((identifier) => requests.get(identifier)));
  expect(got.map(({ payload }) => materialIn(payload).length)).toEqual([32, 20, 32, 20]);
  expect(new Set(got.map(({ payload }) => materialIn(payload).toString("hex"))).size).toBe(4);
});

it("finds nothing by a name that no key has, whatever others there are", async () => {
  const fortigate = await endpoint.connect({ version: "1.0", order: true });
  await fortigate.make(requests.create({ name: "tunnel-enc-in" }));
  const located = await fortigate.batch(locate("no such"), locate("tunnel-enc-in"));
  expect(located.map(({ payload }) => identifiersIn(payload).length)).toEqual([0, 1]);
});
