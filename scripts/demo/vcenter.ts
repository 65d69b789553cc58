import { KmipClient } from "@/lib/kmip/client/client";

/** Where an endpoint listens and which certificate it proves (SHA-256, lower-case hexadecimal). */
export type Endpoint = { readonly host: string; readonly port: number; readonly sha256: string };

/** The certificate that a vCenter and all of its ESXi hosts share. */
export type ClientIdentity = { readonly cert: string; readonly key: string };

const PRODUCT = [
  ["x-Vendor", "VMware, Inc."],
  ["x-Product", "VMware vSphere"],
  ["x-Product_Version", "8.0.3 build-24022510"],
] as const;

function connect(endpoint: Endpoint, identity: ClientIdentity): KmipClient {
  return new KmipClient({
    host: endpoint.host,
    port: endpoint.port,
    serverSha256: endpoint.sha256,
    // vCenter speaks KMIP 1.1 whatever the server offers.
    version: "1.1",
    timeoutMs: 10_000,
    ...identity,
  });
}

/** vCenter asks for a KEK and tags it, on a connection of its own as it does. @returns its identifier */
export async function createKek(endpoint: Endpoint, identity: ClientIdentity): Promise<string> {
  const client = connect(endpoint, identity);

  try {
    await client.discoverVersions();

    const identifier = await client.create({ length: 256, usageMask: 0x0c });

    for (const [name, value] of PRODUCT) {
      await client.addAttribute(identifier, { name, value: { t: "text", v: value } });
    }

    return identifier;
  } finally {
    client.close();
  }
}

/**
 * A host asks for a KEK, at the other endpoint when the first does not answer.
 * @returns milliseconds it took
 * @throws the last endpoint's error
 */
export async function readKek(
  endpoints: readonly Endpoint[],
  identity: ClientIdentity,
  identifier: string,
): Promise<number> {
  const begun = performance.now();
  let last: unknown = new Error("no endpoint");

  for (const endpoint of endpoints) {
    const client = connect(endpoint, identity);

    try {
      const { material } = await client.get(identifier);

      material.fill(0);

      return performance.now() - begun;
    } catch (error) {
      last = error;
    } finally {
      client.close();
    }
  }

  throw last;
}
