/**
 * A small KMIP client for tests, the console's "test connection" and demonstrations. KMIP 1.0 to 2.1.
 */

import { ResultStatus } from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { type Item, ItemType } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import {
  type BatchOptions,
  type BatchRequest,
  type CreateRequest,
  type KmipVersionName,
  requests,
  writeRequest,
} from "./requests";
import {
  attributeNamesIn,
  attributesIn,
  bytesIn,
  type ClientAttribute,
  childrenOf,
  find,
  numberIn,
  type ResponseMessage,
  readResponse,
  textIn,
} from "./responses";
import { ClientTransport, type TlsFacts } from "./transport";

export {
  type BatchOptions,
  type BatchRequest,
  type CreateRequest,
  type KmipVersionName,
  nameAttribute,
  requests,
  writeRequest,
} from "./requests";
export type { BatchResponse, ClientAttribute, ResponseMessage } from "./responses";
export { KmipConnectionError, type TlsFacts } from "./transport";

export type KmipClientOptions = {
  readonly host: string;
  readonly port: number;
  /** PEM of the client certificate and its key. Leave out to connect without one. */
  readonly cert?: string;
  readonly key?: string;
  /** PEM of the authority (or self-signed certificate) that the server must prove; default: any server certificate. */
  readonly ca?: string;
  /** SHA-256 of the server certificate's DER, lower-case hexadecimal: anything else is refused. */
  readonly serverSha256?: string;
  /** Default "1.4". */
  readonly version?: KmipVersionName;
  /** True: a new connection for every message, as vCenter does at times. Default: one kept-alive connection. */
  readonly connectPerMessage?: boolean;
  /** For connecting and for each answer. Default 10 000. */
  readonly timeoutMs?: number;
  /** Called when a connection's TCP stands. */
  readonly onConnected?: () => void;
  /** Called when its TLS stands, before the server's certificate is compared with `serverSha256`. */
  readonly onSecured?: (facts: TlsFacts) => void;
  /** Make each batch item's Unique Batch Item ID (vCenter: "QLKC" and a counter). Default: only in batches. */
  readonly batchItemId?: (index: number) => Uint8Array;
};

export type GetResponse = {
  readonly uniqueIdentifier: string;
  readonly objectType: number;
  readonly keyFormatType: number;
  readonly algorithm: number | null;
  readonly length: number | null;
  /** The key in plaintext: zero it after use. */
  readonly material: Uint8Array;
};

/** An operation of a batch that the server answered with failure. */
export class KmipOperationError extends Error {
  /** Result Reason enumeration. */
  readonly resultReason: number;

  constructor(resultReason: number, message: string) {
    super(message);
    this.name = "KmipOperationError";
    this.resultReason = resultReason;
  }
}

const defaultBatchItemId = (index: number): Uint8Array => Buffer.from([index >> 8, index & 0xff]);

/**
 * A KMIP client. Every method rejects with KmipOperationError for a refusal, and for a broken connection with
 * KmipConnectionError or the network's own error.
 */
export class KmipClient {
  readonly #options: KmipClientOptions;
  readonly #version: KmipVersionName;
  readonly #transport: ClientTransport;
  #batchItems = 0;

  constructor(options: KmipClientOptions) {
    this.#options = options;
    this.#version = options.version ?? "1.4";
    this.#transport = new ClientTransport(options);
  }

  /** Sends bytes as they are; answers the bytes of one response message. */
  send(message: Uint8Array): Promise<Buffer> {
    return this.#transport.exchange(message);
  }

  /** Sends several operations as one message; answers what became of each, without rejecting for failures. */
  async batch(operations: readonly BatchRequest[], options: BatchOptions = {}): Promise<ResponseMessage> {
    const makeId = this.#options.batchItemId ?? (operations.length > 1 ? defaultBatchItemId : undefined);
    const items = operations.map((operation) => {
      if (makeId === undefined || operation.uniqueBatchItemId !== undefined) {
        return operation;
      }
      this.#batchItems += 1;
      return { ...operation, uniqueBatchItemId: makeId(this.#batchItems) };
    });
    return readResponse(await this.send(writeRequest(this.#version, items, options)));
  }

  /** Sends one operation. @returns the fields of its Response Payload @throws KmipOperationError */
  async request(operation: BatchRequest, options: BatchOptions = {}): Promise<readonly Item[]> {
    const { items } = await this.batch([operation], options);
    const [item] = items;
    if (item === undefined) {
      throw new Error("The server sent no batch item");
    }
    if (item.status !== ResultStatus.Success) {
      throw new KmipOperationError(item.resultReason ?? 0, item.message ?? "Operation failed");
    }
    return item.payload;
  }

  /** @returns "1.4", "1.3" …, most preferred first */
  async discoverVersions(versions: readonly KmipVersionName[] = []): Promise<string[]> {
    const payload = await this.request(requests.discoverVersions(versions));
    return payload.map((item) => {
      const fields = childrenOf(item);
      return `${numberIn(fields, Tag.ProtocolVersionMajor)}.${numberIn(fields, Tag.ProtocolVersionMinor)}`;
    });
  }

  /** @param functions Query Function enumerations @returns the fields of the Response Payload */
  query(functions: readonly number[]): Promise<readonly Item[]> {
    return this.request(requests.query(functions));
  }

  /** @returns the Unique Identifier of a new symmetric key */
  async create(request: CreateRequest = {}): Promise<string> {
    return this.#identifier(await this.request(requests.create(request)));
  }

  async get(identifier: string): Promise<GetResponse> {
    const payload = await this.request(requests.get(identifier));
    const keyBlock = childrenOf(find(childrenOf(find(payload, Tag.SymmetricKey)), Tag.KeyBlock));
    const view = bytesIn(childrenOf(find(keyBlock, Tag.KeyValue)), Tag.KeyMaterial);
    if (view === null) {
      throw new Error("The server sent no key material");
    }
    const material = Uint8Array.from(view);
    wipe(view);
    return {
      uniqueIdentifier: this.#identifier(payload),
      objectType: numberIn(payload, Tag.ObjectType) ?? 0,
      keyFormatType: numberIn(keyBlock, Tag.KeyFormatType) ?? 0,
      algorithm: numberIn(keyBlock, Tag.CryptographicAlgorithm),
      length: numberIn(keyBlock, Tag.CryptographicLength),
      material,
    };
  }

  /** @param names none for all attributes */
  async getAttributes(identifier: string, names: readonly string[] = []): Promise<ClientAttribute[]> {
    return attributesIn(await this.request(requests.getAttributes(identifier, names)));
  }

  async getAttributeList(identifier: string): Promise<string[]> {
    return attributeNamesIn(await this.request(requests.getAttributeList(identifier)));
  }

  /** @returns what the server answers of it: nothing in 2.x */
  async addAttribute(identifier: string, added: ClientAttribute): Promise<ClientAttribute | undefined> {
    return attributesIn(await this.request(requests.addAttribute(identifier, added)))[0];
  }

  async modifyAttribute(identifier: string, changed: ClientAttribute): Promise<ClientAttribute | undefined> {
    return attributesIn(await this.request(requests.modifyAttribute(identifier, changed)))[0];
  }

  async deleteAttribute(
    identifier: string,
    name: string,
    index?: number,
  ): Promise<ClientAttribute | undefined> {
    return attributesIn(await this.request(requests.deleteAttribute(identifier, name, index)))[0];
  }

  /** @returns Unique Identifiers, newest first */
  async locate(attributes: readonly ClientAttribute[] = [], maximumItems?: number): Promise<string[]> {
    const payload = await this.request(requests.locate(attributes, maximumItems));
    return payload.flatMap((item) =>
      item.tag === Tag.UniqueIdentifier && item.type === ItemType.TextString ? [item.value] : [],
    );
  }

  async activate(identifier: string): Promise<void> {
    await this.request(requests.activate(identifier));
  }

  /** @param reasonCode Revocation Reason Code enumeration */
  async revoke(identifier: string, reasonCode: number, occurred?: Date): Promise<void> {
    await this.request(requests.revoke(identifier, reasonCode, occurred));
  }

  async destroy(identifier: string): Promise<void> {
    await this.request(requests.destroy(identifier));
  }

  /** Closes the kept-alive connection, if there is one. */
  close(): void {
    this.#transport.close();
  }

  #identifier(payload: readonly Item[]): string {
    const identifier = textIn(payload, Tag.UniqueIdentifier);
    if (identifier === null) {
      throw new Error("The server sent no Unique Identifier");
    }
    return identifier;
  }
}
