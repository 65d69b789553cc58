import { database } from "@/lib/db";
import type { EngineLogger } from "@/lib/kmip/ports";
import type { KmipServer, ServerTls } from "@/lib/kmip/transport/server";
import type { ChangeEvents } from "../change-events";
import { isLiving } from "../instance";
import { prepareDedicatedIdentity } from "./ensure-dedicated-endpoints";
import { joinPem, type ListenerProblem } from "./instance-endpoints";
import { KEY_TYPES, loadDedicatedIdentity } from "./tls-identities";

/** Certificates and keys of a listener, one of each kind. */
type ListenerCertificates = Pick<ServerTls, "cert" | "key">;

/** What the process makes of an instance's port and certificates. */
type OpenedListener = {
  readonly server: KmipServer;
  /** Replaces the certificates that new handshakes see. */
  renew(certificates: ListenerCertificates): void;
  /** Tells that it lives, and what happened at it. */
  beat(): Promise<void>;
  /** It is closed: nothing shall be told of it any more. */
  forget(): Promise<void>;
};

export type DedicatedListenersOptions = {
  readonly zone: number;
  readonly events: ChangeEvents;
  readonly logger: EngineLogger;
  readonly drainMs: number;
  /** Makes the listener; it does not listen yet. */
  open(instanceId: string, port: number, certificates: ListenerCertificates): OpenedListener;
};

export interface DedicatedListeners {
  /** Starts and stops listeners until they are those of the database. A listener that fails is no error here. */
  reconcile(): Promise<void>;
  /** Heartbeats of all of them. */
  beat(): Promise<void>;
  /** Takes over certificates that were made anew. */
  renew(): Promise<void>;
  /** Instances that are listened for, with their ports. */
  running(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

type Running = { readonly port: number; readonly opened: OpenedListener; certificates: ListenerCertificates };

class ZoneListeners implements DedicatedListeners {
  readonly #options: DedicatedListenersOptions;
  readonly #running = new Map<string, Running>();
  /** Listeners that drain; their ports are theirs until they are done. */
  readonly #closing = new Set<Promise<void>>();
  readonly #unsubscribe: () => void;
  #current: Promise<void> | null = null;
  #again = false;
  #closed = false;

  constructor(options: DedicatedListenersOptions) {
    this.#options = options;
    this.#unsubscribe = options.events.subscribe({
      onEvent: (event) => {
        if (event.type === "instance.changed" || event.type === "instance.removed") {
          this.#react();
        }
      },
      onGap: () => this.#react(),
    });
  }

  #react(): void {
    this.reconcile().catch((error: unknown) =>
      this.#options.logger.warn(
        { err: error },
        "dedicated listeners could not be compared with the database",
      ),
    );
  }

  reconcile(): Promise<void> {
    this.#again = true;
    this.#current ??= this.#settleAll();

    return this.#current;
  }

  async #settleAll(): Promise<void> {
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#settle();
      }
    } finally {
      this.#current = null;
    }
  }

  async #settle(): Promise<void> {
    const target = await this.#wanted();
    for (const [instanceId, listener] of this.#running) {
      if (target.get(instanceId) !== listener.port) {
        void this.#stop(instanceId, listener);
      }
    }
    for (const [instanceId, port] of target) {
      if (this.#closed) {
        return;
      }
      if (!this.#running.has(instanceId)) {
        await this.#start(instanceId, port);
      }
    }
  }

  async #wanted(): Promise<Map<string, number>> {
    const { rows } = await database().pool.query<{ instanceId: string; port: number }>(
      `SELECT d.instance_id AS "instanceId", d.port FROM dedicated_endpoint d JOIN instance i ON i.id = d.instance_id
       WHERE d.zone = $1 AND ${isLiving("i")} AND i.status IN ('installed', 'attention') ORDER BY d.instance_id`,
      [this.#options.zone],
    );

    return new Map(rows.map(({ instanceId, port }) => [instanceId, port]));
  }

  async #start(instanceId: string, port: number): Promise<void> {
    const { logger } = this.#options;
    let problem: ListenerProblem | null = null;
    try {
      await prepareDedicatedIdentity(instanceId);
      const certificates = await readCertificates(instanceId);
      const opened = this.#options.open(instanceId, port, certificates);
      try {
        await opened.server.listen();
      } catch (error) {
        problem = isCode(error, "EADDRINUSE") ? "PORT_IN_USE" : "NOT_LISTENING";
        await opened.server.close({ timeoutMs: 0 });
        throw error;
      }
      this.#running.set(instanceId, { port, opened, certificates });
      logger.info({ instanceId, port }, "dedicated listener started");
      await opened.beat();
    } catch (error) {
      if (!this.#running.has(instanceId)) {
        problem ??= "NOT_LISTENING";
      }
      logger.warn({ err: error, instanceId, port, problem }, "dedicated listener not started");
    }
    await this.#note(instanceId, problem);
  }

  /** What people see at the instance. */
  async #note(instanceId: string, problem: ListenerProblem | null): Promise<void> {
    await database().pool.query(
      "UPDATE dedicated_endpoint SET problem = $3 WHERE instance_id = $1 AND zone = $2 AND problem IS DISTINCT FROM $3",
      [instanceId, this.#options.zone, problem],
    );
  }

  #stop(instanceId: string, { opened, port }: Running): Promise<void> {
    const { logger, drainMs } = this.#options;
    this.#running.delete(instanceId);
    const done = opened.server
      .close({ timeoutMs: drainMs })
      .then(() => opened.forget())
      .then(() => logger.info({ instanceId, port }, "dedicated listener stopped"))
      .catch((error: unknown) =>
        logger.warn({ err: error, instanceId }, "dedicated listener's farewell failed"),
      )
      .finally(() => this.#closing.delete(done));
    this.#closing.add(done);

    return done;
  }

  running(): ReadonlyMap<string, number> {
    return new Map([...this.#running].map(([instanceId, { port }]) => [instanceId, port]));
  }

  async beat(): Promise<void> {
    for (const { opened } of [...this.#running.values()]) {
      await opened.beat();
    }
  }

  async renew(): Promise<void> {
    for (const [instanceId, listener] of [...this.#running]) {
      const next = await readCertificates(instanceId);
      if (String(next.cert) === String(listener.certificates.cert)) {
        continue;
      }
      listener.opened.renew(next);
      listener.certificates = next;
      this.#options.logger.info({ instanceId }, "dedicated listener's certificates renewed");
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    await this.#current?.catch(() => {});
    await Promise.all([
      ...[...this.#running].map(([id, listener]) => this.#stop(id, listener)),
      ...this.#closing,
    ]);
  }
}

/**
 * The listeners of one zone that serve one instance each (HPCS). The database says which there are to be; a change
 * takes effect as soon as its event arrives, and what could not be done is tried again by whoever calls `reconcile`
 * from time to time. While the database is away, what runs goes on.
 */
export function createDedicatedListeners(options: DedicatedListenersOptions): DedicatedListeners {
  return new ZoneListeners(options);
}

async function readCertificates(instanceId: string): Promise<ListenerCertificates> {
  const identities = await Promise.all(
    KEY_TYPES.map((keyType) => loadDedicatedIdentity(instanceId, keyType)),
  );

  return {
    cert: identities.map(({ certificatePem, authorityPem }) => joinPem(certificatePem, authorityPem)),
    key: identities.map(({ privateKeyPem }) => privateKeyPem),
  };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
