import { database } from "@/lib/db";
import type { EngineLogger } from "@/lib/kmip/ports";
import type { KmipServer, ServerTls } from "@/lib/kmip/transport/server";
import type { ChangeEvents } from "../change-events";
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

/**
 * The listeners of one zone that serve one instance each (HPCS). The database says which there are to be; a change
 * takes effect as soon as its event arrives, and what could not be done is tried again by whoever calls `reconcile`
 * from time to time. While the database is away, what runs goes on.
 */
export function createDedicatedListeners(options: DedicatedListenersOptions): DedicatedListeners {
  const { zone, logger } = options;
  const running = new Map<string, Running>();
  /** Listeners that drain; their ports are theirs until they are done. */
  const closing = new Set<Promise<void>>();
  let current: Promise<void> | null = null;
  let again = false;
  let closed = false;

  async function wanted(): Promise<Map<string, number>> {
    const { rows } = await database().pool.query<{ instanceId: string; port: number }>(
      `SELECT d.instance_id AS "instanceId", d.port FROM dedicated_endpoint d JOIN instance i ON i.id = d.instance_id
       WHERE d.zone = $1 AND i.status IN ('installed', 'attention') ORDER BY d.instance_id`,
      [zone],
    );

    return new Map(rows.map(({ instanceId, port }) => [instanceId, port]));
  }

  async function start(instanceId: string, port: number): Promise<void> {
    let problem: ListenerProblem | null = null;
    try {
      await prepareDedicatedIdentity(instanceId);
      const certificates = await readCertificates(instanceId);
      const opened = options.open(instanceId, port, certificates);
      try {
        await opened.server.listen();
      } catch (error) {
        problem = isCode(error, "EADDRINUSE") ? "PORT_IN_USE" : "NOT_LISTENING";
        await opened.server.close({ timeoutMs: 0 });
        throw error;
      }
      running.set(instanceId, { port, opened, certificates });
      logger.info({ instanceId, port }, "dedicated listener started");
      await opened.beat();
    } catch (error) {
      if (!running.has(instanceId)) {
        problem ??= "NOT_LISTENING";
      }
      logger.warn({ err: error, instanceId, port, problem }, "dedicated listener not started");
    }
    await note(instanceId, problem);
  }

  /** What people see at the instance. */
  async function note(instanceId: string, problem: ListenerProblem | null): Promise<void> {
    await database().pool.query(
      "UPDATE dedicated_endpoint SET problem = $3 WHERE instance_id = $1 AND zone = $2 AND problem IS DISTINCT FROM $3",
      [instanceId, zone, problem],
    );
  }

  function stop(instanceId: string, { opened, port }: Running): Promise<void> {
    running.delete(instanceId);
    const done = opened.server
      .close({ timeoutMs: options.drainMs })
      .then(() => opened.forget())
      .then(() => logger.info({ instanceId, port }, "dedicated listener stopped"))
      .catch((error: unknown) =>
        logger.warn({ err: error, instanceId }, "dedicated listener's farewell failed"),
      )
      .finally(() => closing.delete(done));
    closing.add(done);

    return done;
  }

  async function settle(): Promise<void> {
    const target = await wanted();
    for (const [instanceId, listener] of running) {
      if (target.get(instanceId) !== listener.port) {
        void stop(instanceId, listener);
      }
    }
    for (const [instanceId, port] of target) {
      if (closed) {
        return;
      }
      if (!running.has(instanceId)) {
        await start(instanceId, port);
      }
    }
  }

  function reconcile(): Promise<void> {
    again = true;
    current ??= (async () => {
      try {
        while (again && !closed) {
          again = false;
          await settle();
        }
      } finally {
        current = null;
      }
    })();

    return current;
  }

  function react(): void {
    reconcile().catch((error: unknown) =>
      logger.warn({ err: error }, "dedicated listeners could not be compared with the database"),
    );
  }

  const unsubscribe = options.events.subscribe({
    onEvent(event) {
      if (event.type === "instance.changed" || event.type === "instance.removed") {
        react();
      }
    },
    onGap: react,
  });

  return {
    reconcile,
    running: () => new Map([...running].map(([instanceId, { port }]) => [instanceId, port])),

    async beat() {
      for (const { opened } of [...running.values()]) {
        await opened.beat();
      }
    },

    async renew() {
      for (const [instanceId, listener] of [...running]) {
        const next = await readCertificates(instanceId);
        if (String(next.cert) === String(listener.certificates.cert)) {
          continue;
        }
        listener.opened.renew(next);
        listener.certificates = next;
        logger.info({ instanceId }, "dedicated listener's certificates renewed");
      }
    },

    async close() {
      closed = true;
      unsubscribe();
      await current?.catch(() => {});
      await Promise.all([...[...running].map(([id, listener]) => stop(id, listener)), ...closing]);
    },
  };
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
