import { expect, test } from "vitest";
import { connectSnippets, powerShellString, shellString } from "./snippets";

const endpoint = (zone: number) => ({
  zone,
  host: `kmip-${zone}.example.com`,
  port: 5695 + zone,
  dedicated: false,
  problem: null,
  serverCertificate: { pem: "", sha256: "", sha1: "", notAfter: "2030-01-01T00:00:00Z" },
  serverCertificates: [],
});

test("the commands carry the instance's own values", () => {
  const snippets = connectSnippets(
    { id: "018f0000-0000-7000-8000-000000000001", name: "fra-prod", endpoints: [endpoint(1), endpoint(2)] },
    "https://kmip.example.com",
  );
  expect(snippets.add.split("\n")).toEqual([
    "$provider = 'fra-prod'",
    "Add-KeyManagementServer -KeyProvider $provider -Name 'zone-1' -Address 'kmip-1.example.com' -Port 5696 -TrustKeyManagementServer $true",
    "Add-KeyManagementServer -KeyProvider $provider -Name 'zone-2' -Address 'kmip-2.example.com' -Port 5697 -TrustKeyManagementServer $true",
  ]);
  expect(snippets.upload).toContain(
    "'https://kmip.example.com/api/v1/instances/018f0000-0000-7000-8000-000000000001/client-certificates'",
  );
});

test("a name cannot leave its quotes", () => {
  expect(powerShellString("it's; rm -r /")).toBe("'it''s; rm -r /'");
  expect(shellString("it's; rm -r /")).toBe("'it'\\''s; rm -r /'");
});
