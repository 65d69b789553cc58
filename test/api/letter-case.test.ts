import { beforeAll, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { type ChangeEvent, subscribe } from "@/lib/db";
import { createSelfSigned } from "@/test/support/certificates";
import { eventually } from "@/test/support/kek-fixtures";
import { callApi, houseForTests, keyManagerOf } from "./support/house";
import { makeKeks } from "./support/keks";

/** A UUID may be written in capitals (RFC 9562, 4). Caches, notifications and the audit log know it in lower case. */
const house = houseForTests();
const token = () => house.a.tokens.administrator;
let id: string;
let kek: string;

beforeAll(async () => {
  const { certPem } = await createSelfSigned({ commonName: "vcenter" });
  const ordered = await callApi(operations.createInstance, {
    token: token(),
    body: {
      name: "Letters",
      region: "us-south",
      keyManager: keyManagerOf(house),
      clientCertificates: [{ name: "vcenter", pem: certPem }],
    },
  });
  id = ordered.body.id;
  const { body } = await callApi(operations.listClientCertificates, { token: token(), params: { id } });
  const [first] = await makeKeks(house, id, body.items[0], 1);
  kek = String(first);
});

it("a change by an instance's id in capitals is made, recorded and told as any other", async () => {
  const answer = await callApi(operations.updateInstance, {
    token: token(),
    params: { id: id.toUpperCase() },
    body: { cachePolicy: { cacheTtlSeconds: 77, outageGraceSeconds: 0 } },
  });

  expect(answer.status).toBe(200);
  const { rows } = await house.database.pool.query<{ outcome: string }>(
    "SELECT outcome FROM audit_event WHERE instance_id = $1 AND action = 'vmware-solutions.service.update'",
    [id],
  );
  expect(rows).toEqual([{ outcome: "success" }]);
});

it("a KEK that is revoked by an instance's id in capitals is told of by the id that endpoints know", async () => {
  const events: ChangeEvent[] = [];
  const subscription = subscribe(house.database.url, {
    onEvent: (event) => events.push(event),
    onGap: () => {},
  });
  await subscription.ready;

  try {
    const { status } = await callApi(operations.revokeKek, {
      token: token(),
      params: { id: id.toUpperCase(), uniqueIdentifier: kek },
      body: { reason: "keyCompromise" },
    });

    expect(status).toBe(200);
    await eventually(
      () => events.some((event) => event.type === "kek.changed" && event.instanceId === id),
      "the endpoints hear of it",
    );
    expect(events.map(({ instanceId }) => instanceId)).not.toContain(id.toUpperCase());
  } finally {
    await subscription.close();
  }
});
