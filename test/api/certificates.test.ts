import { beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import {
  ensureTlsIdentities,
  loadAuthority,
  loadTlsIdentity,
  sharedEndpoints,
  tellRenewals,
} from "@/lib/core/endpoints";
import { type ChangeEvent, subscribe } from "@/lib/db";
import { issueServerCertificate, parseCertificates } from "@/lib/x509";
import { createSelfSigned } from "@/test/support/certificates";
import { addInstanceRow, eventually } from "@/test/support/kek-fixtures";
import { callApi, houseForTests } from "./support/house";

const house = houseForTests();
let id = "";
const operator = () => ({ token: house.a.tokens.operator, params: { id } });
const add = (name: string, pem: string) =>
  callApi(operations.createClientCertificate, { ...operator(), body: { name, pem } });
const preview = async (pem: string) =>
  (await callApi(operations.previewClientCertificates, { token: house.a.tokens.operator, body: { pem } }))
    .body.certificates;
const count = async () => (await callApi(operations.getInstance, operator())).body.counts.clientCertificates;

beforeAll(async () => {
  const { body } = await callApi(operations.createInstance, {
    token: house.a.tokens.administrator,
    body: { name: "certificates", region: "us-south" },
  });
  id = body.id;
});

describe("client certificates", () => {
  it("have a name of their own, also after renaming and at the same moment", async () => {
    const [first, second, third] = await Promise.all(
      ["1", "2", "3"].map((name) => createSelfSigned({ commonName: name })),
    );
    const made = await add("one", first?.certPem ?? "");
    expect(made.status).toBe(201);
    expect(await add("one", second?.certPem ?? "")).toMatchObject({
      status: 409,
      body: { code: "NAME_TAKEN" },
    });
    const race = await Promise.all([add("two", second?.certPem ?? ""), add("two", third?.certPem ?? "")]);
    expect(race.map(({ status }) => status).sort()).toEqual([201, 409]);
    const renamed = await callApi(operations.updateClientCertificate, {
      token: house.a.tokens.operator,
      params: { id, certificateId: made.body.id },
      body: { name: "two" },
    });
    expect(renamed).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } });
    expect(await count()).toBe(2);
  });

  it("are the client's own one of a chain, and never several", async () => {
    const authority = await loadAuthority();
    const leaf = await issueServerCertificate({ authority, hosts: ["chain.example.com"] });
    const other = await createSelfSigned({ commonName: "other" });
    expect(await add("several", leaf.certificatePem + other.certPem)).toMatchObject({
      status: 422,
      body: { code: "CERTIFICATE_INVALID" },
    });
    const chain = await add("chain", leaf.certificatePem + authority.certificatePem);
    expect(chain.body.subject).toBe("CN=chain.example.com");
  });

  it("that have expired are refused with the reason", async () => {
    const { certPem } = await createSelfSigned({ commonName: "old", days: -1 });
    expect(await add("old", certPem)).toMatchObject({
      status: 422,
      body: { code: "CERTIFICATE_INVALID", findings: [{ severity: "error", code: "EXPIRED" }] },
    });
  });

  it("that are removed are news to every process, are counted once, and can come back", async () => {
    const { certPem, sha256 } = await createSelfSigned({ commonName: "back" });
    const { body } = await add("back", certPem);
    const before = await count();
    const events: ChangeEvent[] = [];
    const subscription = subscribe(house.database.url, {
      onEvent: (event) => events.push(event),
      onGap: () => {},
    });
    await subscription.ready;
    const remove = () =>
      callApi(operations.deleteClientCertificate, {
        token: house.a.tokens.operator,
        params: { id, certificateId: body.id },
      });
    const removals = await Promise.all([remove(), remove(), remove()]);
    expect(removals.map(({ status }) => status).sort()).toEqual([204, 404, 404]);
    await eventually(() => events.length > 0, "the news arrives");
    expect(events).toContainEqual({ type: "certificate.removed", instanceId: id, sha256 });
    await subscription.close();
    expect(await count()).toBe(before - 1);
    expect((await add("back", certPem)).status).toBe(201);
    expect(await count()).toBe(before);
  });

  it("are listed newest first, a page at a time", async () => {
    const first = await callApi(operations.listClientCertificates, { ...operator(), query: { limit: "2" } });
    const second = await callApi(operations.listClientCertificates, {
      ...operator(),
      query: { limit: "200", cursor: first.body.nextCursor },
    });
    const names = [...first.body.items, ...second.body.items].map(({ name }: { name: string }) => name);
    expect(names).toEqual(["back", "chain", "two", "one"]);
    expect(second.body.nextCursor).toBeNull();
  });

  it("on curves that TLS cannot use are refused, in the preview and at the pinning", async () => {
    const { certPem } = await createSelfSigned({ commonName: "kmipClient224", curve: "secp224r1" });
    const finding = { severity: "error", code: "UNSUPPORTED_KEY" };
    expect(await preview(certPem)).toMatchObject([{ findings: [finding] }]);
    expect(await add("p224", certPem)).toMatchObject({
      status: 422,
      body: { code: "CERTIFICATE_INVALID", findings: [finding] },
    });
  });

  it("that are pinned already are told with the instance and the name that they have there", async () => {
    const { certPem } = await createSelfSigned({ commonName: "kmipClientTwice" });
    await add("vCenter Frankfurt", certPem);
    expect(await preview(certPem)).toMatchObject([
      {
        findings: [
          {
            code: "CERTIFICATE_IN_USE",
            params: { instanceName: "certificates", certificateName: "vCenter Frankfurt" },
          },
        ],
      },
    ]);
    const again = await add("again", certPem);
    expect(again).toMatchObject({ status: 409, body: { code: "CERTIFICATE_IN_USE", instance: { id } } });
    expect(again.body.detail).toMatch(/instance certificates\. Its name there is vCenter Frankfurt/);
    const { body } = await callApi(operations.previewClientCertificates, {
      token: house.b.tokens.operator,
      body: { pem: certPem },
    });
    expect(body.certificates[0].findings).toMatchObject([{ params: { holder: "hidden" } }]);
    expect(JSON.stringify(body)).not.toMatch(/Frankfurt|"certificates"[^:]/);
  });

  it("can be sent as PKCS #7 in base64, and a file in UTF-16 as base64", async () => {
    const { certPem, sha256 } = await createSelfSigned({ commonName: "kmipClient20260301" });
    const file = Buffer.from(`\uFEFF${certPem}`, "utf16le").toString("base64");
    expect(await preview(file)).toMatchObject([{ sha256, findings: [] }]);
    expect((await add("utf16", file)).status).toBe(201);
  });
});

describe("certificates of the endpoints", () => {
  it("are made once, also when several processes start at the same moment", async () => {
    await house.database.pool.query("DELETE FROM tls_identity");
    const hosts = ["kmip.example.com", "10.0.0.1"];
    const started = await Promise.all([1, 2, 3].map(() => ensureTlsIdentities({ hosts, zones: [1, 2] })));
    expect(started.map(({ created }) => created.length).sort()).toEqual([0, 0, 6]);
    expect(await ensureTlsIdentities({ hosts, zones: [1, 2] })).toEqual({ created: [] });

    const identity = await loadTlsIdentity(1, "ec");
    expect(identity.privateKeyPem).toContain("BEGIN PRIVATE KEY");
    expect(parseCertificates(identity.certificatePem)[0]?.subjectAlternativeNames).toEqual([
      "dns:kmip.example.com",
      "ip:10.0.0.1",
    ]);
    const { rows } = await house.database.pool.query("SELECT t::text FROM tls_identity t");
    const body = identity.privateKeyPem.replace(/-----[^-]+-----|\s/g, "");
    expect(JSON.stringify(rows)).not.toContain(Buffer.from(body, "base64").toString("hex").slice(80, 140));
    const [endpoint] = await sharedEndpoints();
    expect(endpoint?.serverCertificate.sha256).toBe(parseCertificates(identity.certificatePem)[0]?.sha256);
    // RSA-only clients get a chain that they can check, and its fingerprints are told as well.
    const rsa = await loadTlsIdentity(1, "rsa");
    expect(endpoint?.serverCertificates).toMatchObject([
      { keyType: "ec", ...endpoint?.serverCertificate },
      { keyType: "rsa", sha256: parseCertificates(rsa.certificatePem)[0]?.sha256 },
    ]);
    const chain = parseCertificates(endpoint?.serverCertificates[1]?.pem ?? "");
    expect(chain.map(({ keyAlgorithm }) => keyAlgorithm)).toEqual(["RSA", "RSA"]);
    expect(chain.every(({ signatureAlgorithm }) => /rsa/i.test(signatureAlgorithm))).toBe(true);
  });

  it("stay as they are until their end is near or a host is missing: vCenter pins them", async () => {
    const before = await loadTlsIdentity(1, "ec");
    await ensureTlsIdentities({ hosts: ["kmip.example.com"], zones: [1, 2, 3] });
    expect((await loadTlsIdentity(1, "ec")).certificatePem).toBe(before.certificatePem);
    expect(await ensureTlsIdentities({ hosts: ["new.example.com"], zones: [2] })).toEqual({
      created: ["zone-2", "zone-2-rsa"],
    });
    await house.database.pool.query(
      "UPDATE tls_identity SET not_after = now() + interval '20 days' WHERE id = 'zone-1'",
    );
    expect(await ensureTlsIdentities({ hosts: ["kmip.example.com"], zones: [1] })).toEqual({
      created: ["zone-1"],
    });
    expect((await loadTlsIdentity(1, "ec")).certificatePem).not.toBe(before.certificatePem);
  });

  it("are an event of every account whose clients pin them when they are made anew, and only then", async () => {
    const renewed: string[] = [];
    const events = async (account: typeof house.a) =>
      (
        await callApi(operations.listAuditEvents, {
          token: account.tokens.viewer,
          query: { action: "vmware-solutions.server-certificate.renew" },
        })
      ).body.items;
    const ensure = (hosts: readonly string[]) =>
      ensureTlsIdentities({ hosts, zones: [7], onRenewed: (id) => renewed.push(id) });

    await addInstanceRow(house.database, house.b.id, { crkId: "crk" });
    await ensure(["first.example.com"]);
    expect(renewed).toEqual([]);
    await ensure(["second.example.com"]);
    expect(renewed).toEqual(["zone-7", "zone-7-rsa"]);
    await tellRenewals(renewed);

    const { certificatePem } = await loadTlsIdentity(7, "ec");
    const told = await events(house.b);

    expect(told.map(({ target }: { target: { id: string } }) => target.id).sort()).toEqual(renewed);
    expect(JSON.stringify(told)).toContain(parseCertificates(certificatePem)[0]?.sha256);
  });
});
