import { KmipClient, type TlsFacts } from "@/lib/kmip/client/client";
import type { CertificateWithKey } from "@/lib/x509";

/** For connecting and for the answer; the finding's words say five seconds. */
const TIMEOUT_MS = 5_000;

export type Address = { readonly host: string; readonly port: number };

/** How far a client came at an endpoint. */
export type Reach = {
  /** TCP stood. */
  readonly connected: boolean;
  /** TLS stood, and what was agreed on. */
  readonly tls: TlsFacts | null;
  /** What Discover Versions answered. */
  readonly versions: readonly string[] | null;
  /** What ended it, if not the answer. */
  readonly error: unknown;
  /** Of each step that was waited for. */
  readonly milliseconds: { readonly tcp: number; readonly tls: number; readonly kmip: number };
};

/**
 * Connects with a client certificate and asks Discover Versions in KMIP 1.1, as vCenter begins every conversation.
 * Nothing is asked of a server that shows another certificate. It never rejects.
 * @param serverSha256 of the certificate that the server must show
 */
export async function reachEndpoint(
  address: Address,
  identity: CertificateWithKey,
  serverSha256: string,
): Promise<Reach> {
  const begun = performance.now();
  const came: { connectedAt: number | null; securedAt: number | null; tls: TlsFacts | null } = {
    connectedAt: null,
    securedAt: null,
    tls: null,
  };
  let versions: string[] | null = null;
  let error: unknown = null;
  const client = new KmipClient({
    host: address.host,
    port: address.port,
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    serverSha256,
    version: "1.1",
    timeoutMs: TIMEOUT_MS,
    onConnected: () => {
      came.connectedAt = performance.now();
    },
    onSecured: (facts) => {
      came.securedAt = performance.now();
      came.tls = facts;
    },
  });
  try {
    versions = await client.discoverVersions();
  } catch (caught) {
    error = caught;
  } finally {
    client.close();
  }
  const ended = performance.now();
  const connectedAt = came.connectedAt ?? ended;
  const securedAt = came.securedAt ?? ended;

  return {
    connected: came.connectedAt !== null,
    tls: came.tls,
    versions,
    error,
    milliseconds: {
      tcp: connectedAt - begun,
      tls: securedAt - connectedAt,
      kmip: ended - securedAt,
    },
  };
}
