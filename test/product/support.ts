import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import { KmipClient, type KmipClientOptions } from "@/lib/kmip/client/client";
import { createSelfSigned, type TestCertificate } from "../support/certificates";
import { apiClient, type SandboxAccess, sandboxAccess } from "../support/product";
import type { RunningProduct } from "../support/product-setup";

export type Api = Awaited<ReturnType<typeof apiClient>>;

export type OrderedInstance = {
  readonly id: string;
  readonly name: string;
  readonly certificate: TestCertificate;
  readonly certificateId: string;
  /** A client of the endpoint of that zone with the instance's certificate. */
  client(zone?: number, options?: Partial<KmipClientOptions>): KmipClient;
};

export type House = { readonly product: RunningProduct; readonly access: SandboxAccess; readonly api: Api };

/** The running product with a token and the sandbox's accounts. */
export async function openHouse(product: RunningProduct): Promise<House> {
  const [access, api] = await Promise.all([sandboxAccess(product), apiClient(product)]);

  return { product, access, api };
}

let counter = 0;

/** Orders an instance over REST with a certificate of its own. Nothing is cached unless a test asks for it. */
export async function orderInstance(
  { product, access, api }: House,
  overrides: { readonly [field: string]: unknown } = {},
): Promise<OrderedInstance> {
  counter += 1;

  const name = `test-${process.pid}-${Date.now()}-${counter}`;
  const certificate = await createSelfSigned({ commonName: name, keyType: "rsa" });
  const { status, body } = await api("POST", "/instances", {
    name,
    region: "us-south",
    keyManager: {
      kind: "key-protect",
      apiKey: access.manager.apiKey,
      crn: access.keyProtect.crn,
      crkId: access.keyProtect.rootKeys[0]?.id,
    },
    clientCertificates: [{ name: "vcenter", pem: certificate.certPem }],
    cachePolicy: { cacheTtlSeconds: 0, outageGraceSeconds: 0 },
    ...overrides,
  });

  expect(status, JSON.stringify(body)).toBe(202);

  const { id } = body as { id: string };
  const certificates = await api("GET", `/instances/${id}/client-certificates`);

  return {
    id,
    name,
    certificate,
    certificateId: (certificates.body as { items: { id: string }[] }).items[0]?.id ?? "",
    client(zone = 1, options = {}) {
      const endpoint = product.kmip[zone - 1];

      return new KmipClient({
        host: endpoint?.host ?? "",
        port: endpoint?.port ?? 0,
        cert: certificate.certPem,
        key: certificate.keyPem,
        ...options,
      });
    },
  };
}

/** Process id of one of the product's processes (`kmip`: any zone). @throws Error when it does not run */
export function processIdOf(
  product: { readonly env: { readonly [name: string]: string } },
  name: string,
  zone?: number,
): number {
  const markers = [
    `KMIP_PORTS=${product.env.KMIP_PORTS}`,
    ...(zone === undefined ? [] : [`KMIP_ZONE=${zone}`]),
  ];

  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");

      if (
        readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`dist/${name}.js`) &&
        markers.every((marker) => environment.includes(marker))
      ) {
        return Number(pid);
      }
    } catch {
      // It ended meanwhile.
    }
  }

  throw new Error(`no process ${name}`);
}
