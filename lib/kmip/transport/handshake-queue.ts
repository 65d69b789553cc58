/**
 * Connections between the TCP handshake and admission, whose clients have not shown who they are yet.
 *
 * Beginning a TLS handshake is the most expensive thing that an unknown client can ask for. Handshakes begin in rotation,
 * one for each address, so that a flood waits behind itself; and when too many are under way, the address with the most
 * of them loses its oldest.
 */
import type { Socket } from "node:net";
import { RoundRobin } from "./round-robin";

/** Handshakes that may begin in one turn of the event loop: about as many milliseconds. */
const HANDSHAKES_PER_TURN = 16;

export type HandshakeQueueOptions = {
  /** Connections that are not admitted yet. */
  readonly maxPending: number;
  /** From the TCP connection to admission; the TLS handshake has a time-out of its own. */
  readonly timeoutMs: number;
  readonly onFault: (error: unknown) => void;
  /** Told of each connection that is dropped here. */
  readonly onDropped: (remoteAddress: string, why: "limit" | "timeout") => void;
};

type Pending = { readonly socket: Socket; readonly address: string; readonly since: number };

const peerOf = (socket: Pick<Socket, "remoteAddress" | "remotePort">): string =>
  `${socket.remoteAddress}|${socket.remotePort}`;

/** Has handshakes begin in rotation, and drops those that are too many or take too long. */
export class HandshakeQueue {
  readonly #options: HandshakeQueueOptions;
  readonly #turns = new RoundRobin(HANDSHAKES_PER_TURN);
  /** By the client's address and port, oldest first. */
  readonly #pending = new Map<string, Pending>();
  /** The same by address. */
  readonly #byAddress = new Map<string, Set<Pending>>();

  constructor(options: HandshakeQueueOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Takes a new connection; `begin` starts its handshake, now or in its turn. */
  add(socket: Socket, begin: () => void): void {
    // A client that is gone already has no address.
    const address = socket.remoteAddress;
    if (address === undefined) {
      socket.destroy();
      return;
    }
    if (this.#pending.size >= this.#options.maxPending && !this.#evictFor(address)) {
      socket.destroy();
      this.#options.onDropped(address, "limit");
      return;
    }
    const peer = peerOf(socket);
    const pending: Pending = { socket, address, since: performance.now() };
    this.#pending.set(peer, pending);
    const siblings = this.#byAddress.get(address) ?? new Set<Pending>();
    this.#byAddress.set(address, siblings.add(pending));
    socket.once("close", () => this.#forget(peer, pending));
    if (this.#turns.take()) {
      this.#begin(socket, begin);
      return;
    }
    // Until TLS takes over, an error has no other listener.
    const ignore = () => socket.destroy();
    socket.on("error", ignore);
    this.#turns.queue(address, () => {
      socket.off("error", ignore);
      if (!socket.destroyed) {
        this.#begin(socket, begin);
      }
    });
  }

  /** A handshake that cannot even begin harms no other. */
  #begin(socket: Socket, begin: () => void): void {
    try {
      begin();
    } catch (error) {
      socket.destroy();
      this.#options.onFault(error);
    }
  }

  /** Forgets a connection that is admitted, or refused. */
  release(socket: Pick<Socket, "remoteAddress" | "remotePort">): void {
    const peer = peerOf(socket);
    const pending = this.#pending.get(peer);
    if (pending !== undefined) {
      this.#forget(peer, pending);
    }
  }

  /** Drops connections whose time is up. @param now monotonic milliseconds */
  sweep(now: number): void {
    for (const { socket, address, since } of this.#pending.values()) {
      // The oldest come first.
      if (now - since <= this.#options.timeoutMs) {
        return;
      }
      socket.destroy();
      this.#options.onDropped(address, "timeout");
    }
  }

  /** Drops all connections. */
  close(): void {
    for (const { socket } of [...this.#pending.values()]) {
      socket.destroy();
    }
  }

  #forget(peer: string, pending: Pending): void {
    if (this.#pending.get(peer) === pending) {
      this.#pending.delete(peer);
    }
    const siblings = this.#byAddress.get(pending.address);
    siblings?.delete(pending);
    if (siblings?.size === 0) {
      this.#byAddress.delete(pending.address);
    }
  }

  /** Drops the oldest of the address that has most. False if that is the newcomer's own. */
  #evictFor(forAddress: string): boolean {
    let largest = this.#byAddress.get(forAddress);
    for (const siblings of this.#byAddress.values()) {
      if (siblings.size > (largest?.size ?? 0)) {
        largest = siblings;
      }
    }
    const [oldest] = largest ?? [];
    if (oldest === undefined || oldest.address === forAddress) {
      return false;
    }
    oldest.socket.destroy();
    this.#forget(peerOf(oldest.socket), oldest);
    this.#options.onDropped(oldest.address, "limit");
    return true;
  }
}
