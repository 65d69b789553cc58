import type pg from "pg";
import type { ChangeEvents } from "../change-events";
import { CoherentCache } from "../coherent-cache";
import { isLiving } from "../instance";
import type { InstanceKeyManager } from "../key-managers/open-key-manager";

/** What serving needs to know of an instance. */
export type InstanceRecord = InstanceKeyManager & {
  readonly accountId: string;
  readonly name: string;
  readonly cacheTtlSeconds: number;
  readonly outageGraceSeconds: number;
};

const SELECT_INSTANCE = {
  name: "keks-instance",
  text: `
    SELECT id, account_id AS "accountId", name, key_manager_kind AS "keyManagerKind",
           key_manager_guid AS "keyManagerGuid", key_manager_endpoint AS "keyManagerEndpoint",
           key_ring AS "keyRing", crk_id AS "crkId", api_key_sealed AS "apiKeySealed",
           cache_ttl_seconds AS "cacheTtlSeconds", outage_grace_seconds AS "outageGraceSeconds"
    FROM instance i WHERE id = $1 AND ${isLiving("i")}`,
};

/** Reads an instance for its clients or for the worker, who are nobody's account; null when there is none. */
export async function readInstance(
  pool: Pick<pg.Pool, "query">,
  instanceId: string,
): Promise<InstanceRecord | null> {
  const { rows } = await pool.query<InstanceRecord>({ ...SELECT_INSTANCE, values: [instanceId] });

  return rows[0] ?? null;
}

export interface InstanceRecords {
  /** From memory in the common case; a changed instance is read anew. */
  find(instanceId: string): Promise<InstanceRecord | null>;
  /** From memory, if it is there. */
  peek(instanceId: string): InstanceRecord | undefined;
  close(): void;
}

const MAX_INSTANCES = 20_000;

/** Instances in memory, kept in step by what other processes tell. */
export function createInstanceRecords(options: {
  readonly pool: Pick<pg.Pool, "query">;
  readonly events: ChangeEvents;
}): InstanceRecords {
  const cache = new CoherentCache<InstanceRecord>({ max: MAX_INSTANCES, trusted: options.events.trusted });
  const unsubscribe = options.events.subscribe({
    onEvent(event) {
      if (event.type === "instance.changed" || event.type === "instance.removed") {
        cache.invalidate(event.instanceId);
      }
    },
    onGap: () => cache.clear(),
  });

  return {
    find: (instanceId) => cache.get(instanceId, () => readInstance(options.pool, instanceId)),
    peek: (instanceId) => cache.peek(instanceId),
    close: unsubscribe,
  };
}
