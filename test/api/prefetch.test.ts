import { dehydrate, QueryClient } from "@tanstack/react-query";
import { beforeAll, describe, expect, it } from "vitest";
import { prefetch, prefetchInto } from "@/lib/api/contract/prefetch";
import { type QueryInput, query } from "@/lib/api/contract/query";
import * as operations from "@/lib/api/operations";
import { authenticate } from "@/lib/auth";
import { createSelfSigned } from "@/test/support/certificates";
import { callApi, houseForTests, keyManagerOf, requestOf } from "./support/house";
import { makeKeks } from "./support/keks";

const house = houseForTests();
let id = "";
let certificateId = "";
let kek = "";

beforeAll(async () => {
  const token = house.a.tokens.administrator;
  const { certPem } = await createSelfSigned({ commonName: "vcenter.example.com" });
  const { body } = await callApi(operations.createInstance, {
    token,
    body: {
      name: "prefetched",
      region: "us-south",
      keyManager: keyManagerOf(house),
      clientCertificates: [{ name: "vcenter", pem: certPem }],
    },
  });
  id = body.id;
  const { body: list } = await callApi(operations.listClientCertificates, { token, params: { id } });
  certificateId = list.items[0].id;
  [kek = ""] = await makeKeks(house, id, list.items[0], 1);
});

type Read = Parameters<typeof prefetch>[0];

describe("what pages prefetch", () => {
  it("has the keys of the browser's queries, and is what the API answers", async () => {
    const cookie = house.a.cookies.administrator;
    const session = await authenticate(requestOf(operations.getMe, { cookie }));
    const compare = async <O extends Read>(operation: O, values: QueryInput<O>, params = {}, asked = {}) => {
      const prefetched = prefetch(operation, values, session);
      const { body } = await callApi(operation, { cookie, params, query: asked });
      expect(prefetched.queryKey).toEqual(query(operation, values).queryKey);
      expect(await prefetched.queryFn()).toEqual(body);
    };
    const oneCertificate = { id, certificateId };
    const oneKek = { id, uniqueIdentifier: kek };
    const histogram = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
    const filters = { status: "installed", search: undefined } as const;

    await compare(operations.getMe, {});
    await compare(operations.listInstances, filters);
    await compare(operations.getInstance, { id }, { id });
    await compare(operations.getRewrap, { id }, { id });
    await compare(operations.listPermissionChecks, { id }, { id });
    await compare(operations.listClientCertificates, { id }, { id });
    await compare(operations.getClientCertificate, oneCertificate, oneCertificate);
    await compare(operations.listKeks, { id, limit: 20 }, { id });
    await compare(operations.getKek, oneKek, oneKek);
    await compare(operations.getKekImpact, oneKek, oneKek);
    await compare(operations.listAuditEvents, { outcome: "success" }, {}, { outcome: "success" });
    await compare(operations.getAuditHistogram, histogram, {}, histogram);
    await compare(operations.listEndpoints, {});
    await compare(operations.listMembers, {});
    await compare(operations.listTokens, {});
  });

  it("hydrates as the browser's infinite queries expect it", async () => {
    const client = new QueryClient();
    const session = await authenticate(requestOf(operations.getMe, { cookie: house.a.cookies.viewer }));
    await prefetchInto(client, session)(operations.listInstances, {});
    const [kept] = dehydrate(client).queries;
    expect(kept?.queryKey).toEqual(query(operations.listInstances, {}).queryKey);
    expect(kept?.state.data).toMatchObject({
      pages: [{ items: [{ name: "prefetched" }] }],
      pageParams: [null],
    });
  });

  it("is refused by the same roles", async () => {
    const session = await authenticate(requestOf(operations.getMe, { cookie: house.a.cookies.viewer }));
    await expect(prefetch(operations.listTokens, {}, session).queryFn()).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });
});
