/** PSMDB, Arsenal, TrueNAS, libmongocrypt: Create or Register, then Activate, also where the instance activates. */
import { expect, it } from "vitest";
import { requests } from "@/lib/kmip/client/client";
import { ResultReason, State } from "@/lib/kmip/protocol/enumerations";
import { registerSecret } from "../kmip/payloads";
import { live, materialIn } from "./live";

const endpoint = live();

it.each([
  [true, "1.0"],
  [true, "1.2"],
  [true, "1.4"],
  [false, "1.2"],
] as const)("where the instance activates on create: %s, in %s", async (activateOnCreate, version) => {
  const client = await endpoint.connect({ version, policy: { activateOnCreate } });
  const identifier = await client.make(requests.create());
  await client.ok(requests.activate(identifier));
  expect(await client.attribute(identifier, "State")).toEqual([State.Active]);
  expect(materialIn(await client.ok(requests.get(identifier)))).toHaveLength(32);
  // libmongocrypt keeps 96 bytes as secret data.
  const secret = await client.make(registerSecret(Buffer.alloc(96, 1)));
  await client.ok(requests.activate(secret));
  expect(await client.attribute(secret, "State")).toEqual([State.Active]);
  const again = await client.reason(requests.activate(identifier));
  expect(again).toBe(activateOnCreate ? null : ResultReason.PermissionDenied);
});
