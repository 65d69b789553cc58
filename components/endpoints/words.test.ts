import { type ConnectionOptions, connect } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import english from "@/messages/en";
import chinese from "@/messages/zh-CN";
import { eventually, type RunningServer, startServer } from "@/test/kmip/harness";
import { createSelfSigned } from "@/test/support/certificates";
import { tlsCodeOf } from "./words";

let running: RunningServer;

beforeAll(async () => {
  running = await startServer();
});

afterAll(() => running.server.close({ timeoutMs: 100 }));

async function refusal(options: ConnectionOptions) {
  const before = running.failures.length;
  const client = connect({
    host: "127.0.0.1",
    port: running.port,
    rejectUnauthorized: false,
    ...options,
    ciphers: `${options.ciphers ?? "ALL"}:@SECLEVEL=0`,
  });
  client.on("error", () => {});
  await eventually(() => running.failures.length > before, "the handshake fails");
  client.destroy();
  const failure = running.failures.at(-1);
  if (failure === undefined) {
    throw new Error("there is no failure");
  }

  return failure;
}

it.each<[string, ConnectionOptions, RegExp]>([
  ["TLS 1.0 only", { minVersion: "TLSv1", maxVersion: "TLSv1" }, /TLS 1\.2/],
  ["TLS 1.1 only", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }, /TLS 1\.2/],
  ["CBC only", { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES256-SHA" }, /KMIP_TLS_LEGACY_SUITES=true/],
  [
    "RSA key exchange only",
    { maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" },
    /KMIP_TLS_LEGACY_SUITES=true/,
  ],
])("a client with %s is told with its address and what to set", async (_, options, words) => {
  const failure = await refusal(options);
  const code = tlsCodeOf(failure);

  expect(failure).toMatchObject({ reason: "tls-error", remoteAddress: "127.0.0.1" });
  expect(english.endpoints.tls).toMatchObject({ [String(code)]: expect.stringMatching(words) });
  expect(chinese.endpoints.tls).toMatchObject({ [String(code)]: expect.stringMatching(words) });
});

it("a client whose certificate is on a curve that TLS does not use is told so", async () => {
  const { certPem, keyPem } = await createSelfSigned({ commonName: "p224", curve: "secp224r1" });
  const code = tlsCodeOf(await refusal({ maxVersion: "TLSv1.2", cert: certPem, key: keyPem }));

  expect(english.endpoints.tls).toHaveProperty(String(code));
});

it("old clients behind one address have a row for each thing to do", () => {
  const codes = running.server.stats().failedHandshakes.map(tlsCodeOf);

  expect(codes).toEqual(
    expect.arrayContaining([
      "ERR_SSL_UNSUPPORTED_PROTOCOL",
      "ERR_SSL_NO_SHARED_CIPHER",
      "ERR_SSL_WRONG_CURVE",
    ]),
  );
});

it("other failures have no code", () => {
  expect(tlsCodeOf({ reason: "closed", detail: "ECONNRESET: read" })).toBeNull();
  expect(tlsCodeOf({ reason: "tls-error", detail: "something" })).toBeNull();
});
