/** Servers that cases are replayed against: one that listens somewhere, or one in this process. */
import { readFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { ClientTransport } from "@/lib/kmip/client/transport";
import {
  JSON_ENCODING,
  type MessageEncoding,
  TTLV_ENCODING,
  XML_ENCODING,
} from "@/lib/kmip/encoding/media-types";
import { createKmipEngine, DEFAULT_IDENTITY } from "@/lib/kmip/engine/engine";
import {
  MemoryAuditWriter,
  MemoryKeyStore,
  MemoryLogger,
  MemoryTenantDirectory,
} from "@/lib/kmip/testing/memory-ports";
import { createKmipHttpsServer } from "@/lib/kmip/transport/https-server";
import { createKmipServer } from "@/lib/kmip/transport/server";
import { decodeTtlv } from "@/lib/kmip/ttlv/decoder";
import { encodeTtlv } from "@/lib/kmip/ttlv/encoder";
import { createSelfSigned } from "@/test/support/certificates";
import type { Target, Wire } from "./runner";

/** Where a server listens, and who is asking. */
export type Endpoint = {
  readonly host: string;
  readonly port: number;
  /** Of KMIP over HTTPS; without it cases about it fail. */
  readonly httpsPort?: number;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
};

const ENCODINGS: { readonly [K in Exclude<Wire, "tls">]: MessageEncoding } = {
  "https-ttlv": TTLV_ENCODING,
  "https-xml": XML_ENCODING,
  "https-json": JSON_ENCODING,
};

const TIMEOUT_MS = 30_000;

/** A server that listens somewhere; its certificate is taken as it is. One connection for each case. */
export function remoteTarget(endpoint: Endpoint): Target {
  const { host, port, cert, key, httpsPort } = endpoint;
  let transport: ClientTransport | null = null;
  let agent: Agent | null = null;

  async function overHttps(message: Uint8Array, encoding: MessageEncoding): Promise<Buffer> {
    if (httpsPort === undefined) {
      throw new Error("the case is about HTTPS, and no --https-port is given");
    }
    agent ??= new Agent({ cert, key, rejectUnauthorized: false, keepAlive: true, maxSockets: 1 });
    const body = encoding.fromTtlv(message);
    const answer = await post(
      { host, port: httpsPort, agent, timeout: TIMEOUT_MS },
      encoding.mediaType,
      body,
    );
    return Buffer.from(encoding.toTtlv(answer));
  }

  return {
    async exchange(request, wire) {
      const message = encodeTtlv(request);
      if (wire !== "tls") {
        return decodeTtlv(await overHttps(message, ENCODINGS[wire]));
      }
      transport ??= new ClientTransport({ host, port, cert, key, timeoutMs: TIMEOUT_MS });
      return decodeTtlv(await transport.exchange(message));
    },
    endCase() {
      transport?.close();
      agent?.destroy();
      transport = null;
      agent = null;
    },
  };
}

type HttpsOptions = {
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
  readonly timeout: number;
};

function post(options: HttpsOptions, mediaType: string, body: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": mediaType, "Content-Length": String(body.length) };
    const sent = httpsRequest({ ...options, method: "POST", path: "/kmip", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) {
          resolve(Buffer.concat(chunks));
        } else {
          reject(new Error(`HTTP status ${response.statusCode}`));
        }
      });
    });
    sent.on("timeout", () => sent.destroy(new Error("The server took too long to answer")));
    sent.on("error", reject);
    sent.end(body);
  });
}

/** A server in this process, with everything in memory. */
export type LocalServer = {
  readonly target: Target;
  close(): Promise<void>;
};

/** Starts a server in this process on free ports of the loopback interface. */
export async function startLocalServer(): Promise<LocalServer> {
  const tenants = new MemoryTenantDirectory();
  const logger = new MemoryLogger();
  const engine = createKmipEngine({
    store: new MemoryKeyStore(),
    audit: new MemoryAuditWriter(),
    logger,
    identity: { ...DEFAULT_IDENTITY, overHttps: true },
    interop: true,
  });
  const own = await createSelfSigned({ commonName: "localhost" });
  const client = await createSelfSigned({ commonName: "conformance" });
  tenants.pin("conformance", client.sha256);
  const shared = {
    host: "127.0.0.1",
    port: 0,
    tls: { cert: own.certPem, key: own.keyPem },
    engine,
    tenants,
    logger,
  };
  const server = createKmipServer(shared);
  const https = createKmipHttpsServer(shared);
  const [{ port }, { port: httpsPort }] = await Promise.all([server.listen(), https.listen()]);
  const target = remoteTarget({
    host: "127.0.0.1",
    port,
    httpsPort,
    cert: client.certPem,
    key: client.keyPem,
  });
  return {
    target,
    async close() {
      target.endCase();
      await Promise.all([server.close({ timeoutMs: 500 }), https.close({ timeoutMs: 500 })]);
    },
  };
}

/** Reads the files of a client certificate and its key. @throws Error if they cannot be read */
export const readIdentity = (certFile: string, keyFile: string): Pick<Endpoint, "cert" | "key"> => ({
  cert: readFileSync(certFile, "utf8"),
  key: readFileSync(keyFile, "utf8"),
});
