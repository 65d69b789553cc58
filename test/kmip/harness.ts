/** A KMIP server over ports in memory, and what tests need to talk to it. */

import { type BatchOptions, type BatchRequest, writeRequest } from "@/lib/kmip/client/client";
import type { KmipVersionName } from "@/lib/kmip/client/requests";
import { type ResponseMessage, readResponse } from "@/lib/kmip/client/responses";
import { createKmipEngine, type KmipEngine } from "@/lib/kmip/engine/engine";
import type { EngineLimits } from "@/lib/kmip/operations/context";
import type { EngineClock, FailedHandshake, Tenant } from "@/lib/kmip/ports";
import {
  MemoryAuditWriter,
  MemoryKeyStore,
  MemoryLogger,
  MemoryTenantDirectory,
} from "@/lib/kmip/testing/memory-ports";
import {
  type ConnectionLimitSettings,
  ConnectionLimits,
  createKmipServer,
  type KmipServer,
  type ServerLimits,
} from "@/lib/kmip/transport/server";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";

/** A clock that tests set. */
class TestClock implements EngineClock {
  #now = new Date();

  now(): Date {
    return this.#now;
  }

  set(now: Date): void {
    this.#now = now;
  }

  advance(seconds: number): void {
    this.#now = new Date(this.#now.getTime() + seconds * 1000);
  }
}

/** An engine over ports in memory, without a network. */
export class EngineHarness {
  readonly store = new MemoryKeyStore();
  readonly audit = new MemoryAuditWriter();
  readonly logger = new MemoryLogger();
  readonly clock = new TestClock();
  readonly tenants = new MemoryTenantDirectory();
  readonly tenant: Tenant = this.tenants.pin("instance-a", "aa".repeat(32));
  readonly engine: KmipEngine;

  constructor(limits: Partial<EngineLimits> = {}) {
    const { store, audit, logger, clock } = this;
    this.engine = createKmipEngine({ store, audit, logger, clock, limits });
  }

  /** Sends bytes; answers the response's bytes, copied before they are zeroed. */
  async raw(message: Uint8Array, tenant: Tenant = this.tenant): Promise<Buffer> {
    const origin = { tenant, remoteAddress: "192.0.2.7", remotePort: 40_000 };
    const response = await this.engine.handle(message, origin);
    const copy = Buffer.from(response.bytes);
    response.release();
    return copy;
  }

  /** Sends a batch; answers the response, decoded. */
  async send(
    version: KmipVersionName,
    batch: readonly BatchRequest[],
    options: BatchOptions = {},
    tenant: Tenant = this.tenant,
  ): Promise<ResponseMessage> {
    return readResponse(await this.raw(writeRequest(version, batch, options), tenant));
  }

  /** Sends one operation; answers its result. */
  async one(version: KmipVersionName, request: BatchRequest, tenant: Tenant = this.tenant) {
    const { items } = await this.send(version, [request], {}, tenant);
    const [item] = items;
    if (item === undefined || items.length !== 1) {
      throw new Error("one batch item expected");
    }
    return item;
  }
}

export type RunningServer = {
  readonly server: KmipServer;
  readonly port: number;
  readonly certificate: TestCertificate;
  readonly store: MemoryKeyStore;
  readonly audit: MemoryAuditWriter;
  readonly logger: MemoryLogger;
  readonly tenants: MemoryTenantDirectory;
  readonly failures: FailedHandshake[];
  readonly seen: string[];
  readonly connectionLimits: ConnectionLimits;
};

/** Made once for all servers of a test file: RSA keys take their time. */
let serverCertificate: Promise<TestCertificate> | null = null;

/** Starts a server on a free port of the loopback interface. */
export async function startServer(
  limits: Partial<ServerLimits & ConnectionLimitSettings> = {},
  wrap: (engine: KmipEngine) => KmipEngine = (engine) => engine,
): Promise<RunningServer> {
  const store = new MemoryKeyStore();
  const audit = new MemoryAuditWriter();
  const logger = new MemoryLogger();
  const tenants = new MemoryTenantDirectory();
  const failures: FailedHandshake[] = [];
  const seen: string[] = [];
  const connectionLimits = new ConnectionLimits(limits);
  serverCertificate ??= createSelfSigned({
    commonName: "kmip.test",
    keyType: "rsa",
    alternativeNames: [
      { type: "ip", value: "127.0.0.1" },
      { type: "dns", value: "localhost" },
    ],
  });
  const certificate = await serverCertificate;
  const server = createKmipServer({
    host: "127.0.0.1",
    port: 0,
    tls: { cert: certificate.certPem, key: certificate.keyPem },
    engine: wrap(createKmipEngine({ store, audit, logger })),
    tenants,
    logger,
    limits,
    connectionLimits,
    onFailedHandshake: (failure) => failures.push(failure),
    onSeen: (certificateId) => seen.push(certificateId),
  });
  const { port } = await server.listen();
  return { server, port, certificate, store, audit, logger, tenants, failures, seen, connectionLimits };
}

/** Waits until a condition holds. @throws Error after ten seconds */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) {
      throw new Error(`did not happen: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
