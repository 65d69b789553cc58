import { countConnectionTest } from "@/lib/auth/rate-limits";
import { testConnection } from "@/lib/core/endpoints";
import {
  activateInstance,
  createInstance,
  deleteInstance,
  getInstance,
  instanceImpact,
  listInstances,
  listPermissionChecks,
  restoreInstance,
  rewrapStatus,
  rotateRootKey,
  runPermissionCheck,
  updateInstance,
} from "@/lib/core/instances";
import { listInstanceRootKeys } from "@/lib/core/key-managers";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import type * as operations from "./operations";
import {
  serializeConnectionReport,
  serializeImpact,
  serializeInstance,
  serializePermissionCheck,
} from "./serializers";

export const handlers: Handlers<typeof operations> = {
  listInstances: async ({ actor, query }) =>
    serializePage(
      await listInstances(actor, { ...query, deleted: query.deleted === "true" }),
      serializeInstance,
    ),
  createInstance: async ({ actor, body }) => serializeInstance(await createInstance(actor, body)),
  getInstance: async ({ actor, params: { id } }) => serializeInstance(await getInstance(actor, id)),
  updateInstance: async ({ actor, params: { id }, body }) =>
    serializeInstance(await updateInstance(actor, id, body)),
  // While KEKs are still being destroyed the instance stays visible, as `removing`, until the worker is done.
  deleteInstance: ({ actor, params: { id }, body }) => deleteInstance(actor, id, body),
  getInstanceImpact: async ({ actor, params: { id } }) => serializeImpact(await instanceImpact(actor, id)),
  restoreInstance: async ({ actor, params: { id }, body }) =>
    serializeInstance(await restoreInstance(actor, id, body)),
  activateInstance: async ({ actor, params: { id }, body }) =>
    serializeInstance(await activateInstance(actor, id, body)),
  listPermissionChecks: async ({ actor, params: { id }, query }) =>
    serializePage(await listPermissionChecks(actor, id, query), serializePermissionCheck),
  runPermissionCheck: async ({ actor, params: { id } }) =>
    serializePermissionCheck(await runPermissionCheck(actor, id)),
  getRewrap: ({ actor, params: { id } }) => rewrapStatus(actor, id),
  listInstanceRootKeys: ({ actor, params: { id }, query }) => listInstanceRootKeys(actor, id, query),
  rotateRootKey: ({ actor, params: { id } }) => rotateRootKey(actor, id),
  runConnectionTest: async ({ actor, params: { id } }) => {
    await countConnectionTest(actor.accountId, id);

    return serializeConnectionReport(await testConnection(actor, id));
  },
};
