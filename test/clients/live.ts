/**
 * A live endpoint and a client of it that writes whatever it is told to: messages as other people's clients send them,
 * over TLS, read back as they come.
 */
import { afterAll, beforeAll, expect } from "vitest";
import { type BatchRequest, type KmipVersionName, writeRequest } from "@/lib/kmip/client/client";
import {
  attributesIn,
  type BatchResponse,
  bytesIn,
  childrenOf,
  find,
  type ResponseMessage,
  readResponse,
  textIn,
} from "@/lib/kmip/client/responses";
import { ClientTransport } from "@/lib/kmip/client/transport";
import type { StoredValue, TenantPolicy } from "@/lib/kmip/ports";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration, type Item, structure, text } from "@/lib/kmip/ttlv";
import { createSelfSigned } from "@/test/support/certificates";
import { type RunningServer, startServer } from "../kmip/harness";

export type LiveOptions = {
  readonly version: KmipVersionName;
  /** Fields of every request's header, before Batch Count. */
  readonly header?: readonly Item[];
  readonly maximumResponseSize?: number;
  readonly order?: boolean;
  readonly policy?: Partial<TenantPolicy>;
};

/** Somebody else's client, connected to an instance of its own. */
export class LiveClient {
  readonly #transport: ClientTransport;
  readonly #options: LiveOptions;

  private constructor(transport: ClientTransport, options: LiveOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  static async connect(running: RunningServer, options: LiveOptions): Promise<LiveClient> {
    const { port, certificate: server, tenants } = running;
    const { certPem: cert, keyPem: key, sha256 } = await createSelfSigned({ commonName: "client" });
    tenants.pin(`instance-${sha256.slice(0, 8)}`, sha256, options.policy);
    return new LiveClient(
      new ClientTransport({ host: "127.0.0.1", port, cert, key, ca: server.certPem }),
      options,
    );
  }

  /** The same client speaking another version. */
  speaking(version: KmipVersionName): LiveClient {
    return new LiveClient(this.#transport, { ...this.#options, version });
  }

  /** Sends bytes as they are. */
  async raw(message: Uint8Array): Promise<ResponseMessage> {
    return readResponse(await this.#transport.exchange(message));
  }

  /** Sends a batch, and expects an answer in its version to each item. */
  async batch(...batch: BatchRequest[]): Promise<readonly BatchResponse[]> {
    const { version, header, maximumResponseSize, order } = this.#options;
    const options = {
      ...(header === undefined ? {} : { header }),
      ...(maximumResponseSize === undefined ? {} : { maximumResponseSize }),
      ...(order === undefined ? {} : { order }),
    };
    const response = await this.raw(writeRequest(version, batch, options));
    expect(`${response.version.major}.${response.version.minor}`).toBe(version);
    expect(response.items).toHaveLength(batch.length);
    return response.items;
  }

  /** Sends one operation, which has to succeed; answers its payload. */
  async ok(request: BatchRequest): Promise<readonly Item[]> {
    const [item] = await this.batch(request);
    expect([item?.resultReason, item?.message]).toEqual([null, null]);
    return item?.payload ?? [];
  }

  /** Sends an operation that makes an object; answers its identifier. */
  async make(request: BatchRequest): Promise<string> {
    return textIn(await this.ok(request), Tag.UniqueIdentifier) ?? "";
  }

  /** Sends one operation; answers the Result Reason of its failure, or null. */
  async reason(request: BatchRequest): Promise<number | null> {
    return (await this.batch(request))[0]?.resultReason ?? null;
  }

  /** The values of an attribute. */
  async attribute(identifier: string, name: string): Promise<StoredValue["v"][]> {
    const payload = await this.ok({
      operation: Operation.GetAttributes,
      payload: [text(Tag.UniqueIdentifier, identifier), text(Tag.AttributeName, name)],
    });
    return attributesIn(payload).map(({ value }) => value.v);
  }

  close(): void {
    this.#transport.close();
  }
}

/** A live endpoint for the tests of a file, and clients of it. */
export function live(): { connect(options: LiveOptions): Promise<LiveClient> } {
  let running: RunningServer;
  const clients: LiveClient[] = [];
  beforeAll(async () => {
    running = await startServer();
  });
  afterAll(async () => {
    for (const client of clients) {
      client.close();
    }
    await running.server.close({ timeoutMs: 1_000 });
  });
  return {
    async connect(options) {
      const client = await LiveClient.connect(running, options);
      clients.push(client);
      return client;
    },
  };
}

/** The identifiers that a Locate found. */
export const identifiersIn = (payload: readonly Item[]): string[] =>
  payload.flatMap(({ tag, value }) => (tag === Tag.UniqueIdentifier ? [String(value)] : []));

/** The Key Block of a Get. */
export const blockIn = (payload: readonly Item[]): readonly Item[] => {
  const object = find(payload, Tag.SymmetricKey) ?? find(payload, Tag.SecretData);
  return childrenOf(find(childrenOf(object), Tag.KeyBlock));
};

/** The Key Material of a Get. */
export const materialIn = (payload: readonly Item[]): Buffer =>
  Buffer.from(bytesIn(childrenOf(find(blockIn(payload), Tag.KeyValue)), Tag.KeyMaterial) ?? []);

/** User name and password, which some clients send beside their certificate. */
export const credential = (user: string, password: string): Item =>
  structure(Tag.Authentication, [
    structure(Tag.Credential, [
      enumeration(Tag.CredentialType, 1),
      structure(Tag.CredentialValue, [text(Tag.Username, user), text(Tag.Password, password)]),
    ]),
  ]);
