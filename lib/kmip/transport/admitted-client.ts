/** A client whose certificate an instance has pinned: who it is, and when each of its messages may begin. */
import type { TLSSocket } from "node:tls";
import type { RequestOrigin } from "../engine/engine";
import type { TenantDirectory } from "../ports";
import type { ConnectionSlot } from "./connection-limits";

export type AdmittedClientOptions = {
  readonly socket: TLSSocket;
  readonly certificateSha256: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly slot: ConnectionSlot;
  readonly tenants: TenantDirectory;
};

/** The client of one connection. */
export class AdmittedClient {
  readonly socket: TLSSocket;
  readonly certificateSha256: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly slot: ConnectionSlot;
  readonly #tenants: TenantDirectory;
  /** As of the last message. */
  #lastOrigin: RequestOrigin | null = null;

  constructor(options: AdmittedClientOptions) {
    this.socket = options.socket;
    this.certificateSha256 = options.certificateSha256;
    this.remoteAddress = options.remoteAddress;
    this.remotePort = options.remotePort;
    this.slot = options.slot;
    this.#tenants = options.tenants;
  }

  /** Who asks; null if the certificate has lost its tenant since it was admitted. */
  async origin(): Promise<RequestOrigin | null> {
    const tenant = await this.#tenants.resolve(this.certificateSha256);
    return tenant === null ? null : this.#originOf(tenant);
  }

  /** Waits until a message may begin; null if the connection is to end instead. */
  async beginMessage(): Promise<RequestOrigin | null> {
    // As `origin`, but for a promise that every message would pay for.
    const tenant = await this.#tenants.resolve(this.certificateSha256);
    if (tenant === null) {
      return null;
    }
    const wait = this.slot.beginMessage(tenant);
    if (wait === null) {
      return this.#originOf(tenant);
    }
    // A client that had to wait may have lost its tenant meanwhile.
    return (await wait) ? this.origin() : null;
  }

  #originOf(tenant: RequestOrigin["tenant"]): RequestOrigin {
    if (this.#lastOrigin?.tenant !== tenant) {
      const { remoteAddress, remotePort } = this;
      this.#lastOrigin = { tenant, remoteAddress, remotePort };
    }
    return this.#lastOrigin;
  }
}
