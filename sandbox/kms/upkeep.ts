import { randomBytes } from "node:crypto";

import { toStoredDate } from "../clock";
import type { SandboxContext } from "../context";
import type { KeyRecord } from "../store/model";
import { put, remove } from "../store/store";
import { withNewVersion } from "./key-material";
import { PURGE_AFTER, stateAt } from "./key-view";

/** The same day so many months later, or the last of the month if it has no such day. */
function monthsAfter(stored: string, months: number): number {
  const date = new Date(stored);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));

  return date.getTime();
}

/** Whether the service rotates this key now: an active root key of its own making whose interval is over. */
function isRotationDue(key: KeyRecord, now: number): boolean {
  const { rotation } = key;
  if (!rotation?.enabled || key.extractable || key.imported || stateAt(key, now) !== 1) {
    return false;
  }

  return monthsAfter(key.rotatedAt ?? key.createdAt, rotation.intervalMonths) <= now;
}

/**
 * Does what the services do by themselves as time goes by: rotates keys whose policy says so, and purges keys 90
 * days after their deletion.
 */
export function keepUp(context: SandboxContext): void {
  const { store, vault, clock } = context;
  const now = clock.now();
  for (const { guid } of store.list("resource-instance")) {
    for (const key of [...store.keysOf(guid).values()]) {
      if (key.deletedAt !== undefined && Date.parse(key.deletedAt) + PURGE_AFTER <= now) {
        store.commit(remove("key", key.id));
      } else if (isRotationDue(key, now)) {
        store.commit(put("key", key.id, withNewVersion(vault, key, randomBytes(32), now)));
        context.logger?.info({ keyId: key.id, at: toStoredDate(now) }, "key rotated by its policy");
      }
    }
  }
}
