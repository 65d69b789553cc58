import { dehydrate, QueryClient } from "@tanstack/react-query";
import { beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { queries } from "@/lib/api/queries";
import { serverQueries } from "@/lib/api/server-queries";
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

describe("what pages prefetch", () => {
  it("has the keys of the browser's queries, and is what the API answers", async () => {
    const cookie = house.a.cookies.administrator;
    const server = serverQueries(await authenticate(requestOf(operations.getMe, { cookie })));
    const read = async (operation: Parameters<typeof callApi>[0], params = {}, query = {}) =>
      (await callApi(operation, { cookie, params, query })).body;
    const filters = { status: "installed", search: undefined } as const;
    const pairs = [
      [server.me(), queries.me(), await read(operations.getMe)],
      [server.instances.list(filters), queries.instances.list(filters), await read(operations.listInstances)],
      [server.instances.detail(id), queries.instances.detail(id), await read(operations.getInstance, { id })],
      [server.instances.rewrap(id), queries.instances.rewrap(id), await read(operations.getRewrap, { id })],
      [
        server.permissionChecks.list(id),
        queries.permissionChecks.list(id),
        await read(operations.listPermissionChecks, { id }),
      ],
      [
        server.clientCertificates.list(id),
        queries.clientCertificates.list(id),
        await read(operations.listClientCertificates, { id }),
      ],
      [
        server.clientCertificates.detail(id, certificateId),
        queries.clientCertificates.detail(id, certificateId),
        await read(operations.getClientCertificate, { id, certificateId }),
      ],
      [
        server.keks.list(id, { limit: 20 }),
        queries.keks.list(id, { limit: 20 }),
        await read(operations.listKeks, { id }),
      ],
      [
        server.keks.detail(id, kek),
        queries.keks.detail(id, kek),
        await read(operations.getKek, { id, uniqueIdentifier: kek }),
      ],
      [
        server.keks.impact(id, kek),
        queries.keks.impact(id, kek),
        await read(operations.getKekImpact, { id, uniqueIdentifier: kek }),
      ],
      [
        server.auditEvents.list({ outcome: "success" }),
        queries.auditEvents.list({ outcome: "success" }),
        await read(operations.listAuditEvents, {}, { outcome: "success" }),
      ],
      [server.endpoints.list(), queries.endpoints.list(), await read(operations.listEndpoints)],
      [server.members.list(), queries.members.list(), await read(operations.listMembers)],
      [server.tokens.list(), queries.tokens.list(), await read(operations.listTokens)],
    ] as const;

    for (const [prefetched, browser, answered] of pairs) {
      expect(prefetched.queryKey).toEqual(browser.queryKey);
      expect(await prefetched.queryFn()).toEqual(answered);
    }
    const histogram = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
    expect(server.auditEvents.histogram(histogram).queryKey).toEqual(
      queries.auditEvents.histogram(histogram).queryKey,
    );
    expect(await server.auditEvents.histogram(histogram).queryFn()).toEqual(
      await read(operations.getAuditHistogram, {}, histogram),
    );
  });

  it("hydrates as the browser's infinite queries expect it", async () => {
    const client = new QueryClient();
    const session = await authenticate(requestOf(operations.getMe, { cookie: house.a.cookies.viewer }));
    await client.prefetchInfiniteQuery(serverQueries(session).instances.list());
    const [query] = dehydrate(client).queries;
    expect(query?.queryKey).toEqual(queries.instances.list().queryKey);
    expect(query?.state.data).toMatchObject({
      pages: [{ items: [{ name: "prefetched" }] }],
      pageParams: [null],
    });
  });

  it("is refused by the same roles", async () => {
    const session = await authenticate(requestOf(operations.getMe, { cookie: house.a.cookies.viewer }));
    await expect(serverQueries(session).tokens.list().queryFn()).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});
