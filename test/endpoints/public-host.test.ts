import { expect, it } from "vitest";
import { serializeConnectionReport } from "@/lib/api/instances/serializers";
import { testConnection } from "@/lib/core/endpoints";
import { actorOf } from "@/test/support/kek-fixtures";
import { deploymentForTests } from "./deployment";

/** A name that no resolver knows (RFC 6761 section 6.4), as clients' names often are unknown where the console runs. */
const PUBLIC_HOST = "kmip.invalid";
const deployment = await deploymentForTests({ KMIP_PUBLIC_HOST: PUBLIC_HOST });

it("an endpoint whose public name does not lead there from here is tested where it listens", async () => {
  const instanceId = await deployment.instance();
  const report = serializeConnectionReport(
    await testConnection(actorOf(deployment.accountId, "operator"), instanceId),
  );

  expect(report.ok).toBe(true);
  for (const endpoint of report.endpoints) {
    expect(endpoint).toMatchObject({
      host: PUBLIC_HOST,
      ok: true,
      kmipVersions: expect.arrayContaining(["1.1"]),
    });
    expect(endpoint.checks.map(({ id, status }) => `${id} ${status}`)).toEqual([
      "tcp warn",
      "tls pass",
      "serverCertificate pass",
      "strangerRefused pass",
      "kmip pass",
      "vcenterVersion pass",
    ]);
    expect(endpoint.checks[0]).toMatchObject({
      code: "PUBLIC_HOST_UNREACHED",
      params: {
        whyCode: "NAME_UNKNOWN",
        insideAddress: `127.0.0.1:${endpoint.port}`,
      },
      remedy: expect.stringContaining("KMIP_PUBLIC_HOST"),
    });
    // The certificate names the host that clients use, not only the one that was connected to.
    expect(endpoint.checks[2]?.detail).toContain(PUBLIC_HOST);
  }
});

it("nothing at either address is one failure, for the address that clients use", async () => {
  const instanceId = await deployment.instance();
  await deployment.stop(1);
  const report = serializeConnectionReport(
    await testConnection(actorOf(deployment.accountId, "operator"), instanceId),
  );
  expect(report.endpoints.map(({ ok }) => ok)).toEqual([false, true]);
  expect(report.endpoints[0]?.checks[0]).toMatchObject({
    code: "ENDPOINT_DOWN",
    detail: expect.stringContaining(`${PUBLIC_HOST}:`),
  });
});
