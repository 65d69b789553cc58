import { randomBytes } from "node:crypto";
import { type ChangeEvents, createChangeEvents } from "@/lib/core/change-events";
import type { AuditChange, KekChange } from "@/lib/core/rewrap/audit-change";
import { createKeyStore, type DatabaseKeyStore, type KeyStoreOptions } from "@/lib/core/serving/key-store";
import type { ManagedObject, NewManagedObject, Tenant } from "@/lib/kmip/ports";
import type { TestDatabase } from "@/test/support/database";
import { FakeKeyManager } from "@/test/support/fake-key-manager";
import { addInstance, manualClock, newObject, type recordingLogger } from "@/test/support/kek-fixtures";
import { openWorld } from "@/test/support/world";

/** One deployment: a database, a key manager, an account with an instance, and any number of endpoints. */
export type World = {
  readonly test: TestDatabase;
  readonly keyManager: FakeKeyManager;
  readonly clock: ReturnType<typeof manualClock>;
  readonly logger: ReturnType<typeof recordingLogger>;
  readonly accountId: string;
  readonly crkId: string;
  readonly openKeyManager: () => { keyManager: FakeKeyManager; crkId: string; keyRing: null };
  instance(settings?: { cacheTtlSeconds?: number; outageGraceSeconds?: number }): Promise<Tenant>;
  /** A key store with a subscription of its own, as another process has it. */
  endpoint(
    options?: Partial<Omit<KeyStoreOptions, "database">> & {
      readonly database?: Pick<KeyStoreOptions["database"], "pool">;
      readonly now?: () => number;
    },
  ): Promise<DatabaseKeyStore>;
  close(): Promise<void>;
};

export async function createWorld(): Promise<World> {
  const { test, accountId, logger, close } = await openWorld();
  const keyManager = new FakeKeyManager();
  const crkId = keyManager.addRootKey();
  const clock = manualClock();
  const opened: { store: DatabaseKeyStore; events: ChangeEvents }[] = [];
  const openKeyManager = () => ({ keyManager, crkId, keyRing: null });

  return {
    test,
    keyManager,
    clock,
    logger,
    accountId,
    crkId,
    openKeyManager,
    async instance(settings = {}) {
      const { tenant } = await addInstance(test.database, accountId, {
        crkId,
        cacheTtlSeconds: 0,
        ...settings,
      });

      return tenant;
    },
    async endpoint({ now, database, ...options } = {}) {
      const events = createChangeEvents(test.url, now === undefined ? {} : { now });
      const store = createKeyStore({
        database: { ...test.database, ...database },
        events,
        logger,
        clock,
        openKeyManager,
        sweepEveryMs: 20,
        ...options,
      });

      await events.ready;
      opened.push({ store, events });

      return store;
    },
    async close() {
      for (const { store, events } of opened) {
        store.close();
        await events.close();
      }

      await close();
    },
  };
}

/** Creates a KEK; answers it with its material. */
export async function createKek(
  store: DatabaseKeyStore,
  tenant: Tenant,
  object: NewManagedObject = newObject(),
): Promise<{ object: ManagedObject; material: Buffer }> {
  const material = randomBytes(32);

  return { object: await store.create(tenant, object, material), material };
}

/** In the place of the audit: told of each change of a KEK by the worker after it is made, before the next step. */
export function afterChange(then: (change: KekChange) => Promise<void>): AuditChange {
  return async (change, work) => {
    const result = await work(async () => {});

    await then(change);

    return result;
  };
}

/** Counts as the instance's row has them. */
export async function countsOf(world: World, tenant: Tenant): Promise<{ keks: number; active: number }> {
  const row = await world.test.database.prisma.instance.findUniqueOrThrow({
    where: { id: tenant.instanceId },
  });

  return { keks: row.kekCount, active: row.activeKekCount };
}
