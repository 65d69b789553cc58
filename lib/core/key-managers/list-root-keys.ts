import { type Actor, requireRole } from "@/lib/core/actor";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import {
  type CallContext,
  type KeyManager,
  KeyManagerError,
  type KeyManagerKeyState,
} from "@/lib/key-managers/key-manager";
import type { Provider } from "@/lib/key-managers/provider";
import { requireInstanceWithKey } from "../instance";
import { type KeyManagerCredentials, requireCredential } from "./credentials";
import { hostOf } from "./host-of";
import { ibmCloud } from "./ibm-cloud";
import { openInstanceKeyManager } from "./open-key-manager";
import { providerContext, requireProvider } from "./providers";
import { recordCall } from "./record-call";
import { toAppError } from "./to-app-error";

export type KeyManagerTarget = KeyManagerCredentials & {
  kind: string;
  keyManagerCrn: string;
  /** Base URL in place of the one that IBM Cloud names; with a secret only. */
  endpoint?: string | undefined;
};

type RootKeyItem = {
  readonly id: string;
  readonly name: string;
  readonly state: KeyManagerKeyState;
  readonly keyRing: string;
  /** RFC 3339 UTC. */
  readonly lastRotatedAt: string | null;
  readonly versions: number | null;
  readonly algorithm: string;
};

export type RootKeyQuery = {
  readonly keyRing?: string | undefined;
  readonly search?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
};

type RootKeyPage = { items: RootKeyItem[]; nextCursor: string | null; keyRings: string[] };

/**
 * Root keys of a key manager instance, a page at a time, with the names of its key rings. Standard keys are never in
 * it. Where root keys must be in one key ring, only that counts.
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, INVALID_CURSOR, NOT_AVAILABLE, NOT_FOUND, KEY_MANAGER_*
 */
export async function listRootKeys(
  actor: Actor,
  input: KeyManagerTarget & RootKeyQuery,
  cloud: IbmCloud = ibmCloud(),
): Promise<RootKeyPage> {
  requireRole(actor, "operator");

  return withKeyManager(actor, input, cloud, (found, call) => readRootKeys(found, input, call));
}

/** A key manager, the address at which it is asked, and what is true of its kind. */
type Found = { readonly provider: Provider; readonly keyManager: KeyManager; readonly endpoint: string };

/** Runs a call on a key manager that somebody chose. @throws AppError */
async function withKeyManager<T>(
  actor: Actor,
  target: KeyManagerTarget,
  cloud: IbmCloud,
  task: (found: Found, call: CallContext) => Promise<T>,
): Promise<T> {
  const provider = requireProvider(target.kind);
  const call: CallContext = { correlationId: actor.requestId };
  const { keyManagerCrn, endpoint, instanceId, apiKey } = target;
  const ask = async () => {
    try {
      const credential = await requireCredential(actor, provider, target);
      const choice = { credential, keyManagerCrn, endpoint };
      const chosen = await provider.connect(providerContext(cloud), choice, call);

      return { answer: await task({ provider, ...chosen }, call), asked: chosen.endpoint };
    } catch (error) {
      throw toAppError(error, hostOf(endpoint) === null ? {} : { endpoint: "endpoint" });
    }
  };
  const { answer } = await recordCall(
    actor,
    {
      action: "vmware-solutions.root-key.list",
      kind: provider.kind,
      keyManagerCrn,
      endpoint,
      instanceId,
      ownSecret: apiKey !== undefined,
    },
    ask,
    ({ asked }) => ({ endpoint: hostOf(asked) }),
  );

  return answer;
}

async function readRootKeys(
  { provider: { onlyKeyRing }, keyManager }: Pick<Found, "provider" | "keyManager">,
  input: RootKeyQuery,
  call: CallContext,
): Promise<RootKeyPage> {
  const keyRing = onlyKeyRing ?? input.keyRing;
  const [page, rings] = await Promise.all([
    keyManager.listRootKeys(
      {
        ...(keyRing === undefined ? {} : { keyRing }),
        ...(input.search === undefined ? {} : { search: input.search }),
        ...(input.cursor === undefined ? {} : { cursor: input.cursor }),
        ...(input.limit === undefined ? {} : { limit: input.limit }),
      },
      call,
    ),
    onlyKeyRing === undefined ? readableKeyRings(keyManager, call) : [onlyKeyRing],
  ]);

  return {
    items: page.items.map((key) => ({
      id: key.id,
      name: key.name,
      state: key.state,
      keyRing: key.keyRing,
      lastRotatedAt: key.lastRotatedAt?.toISOString() ?? null,
      versions: key.versions,
      algorithm: key.algorithm,
    })),
    nextCursor: page.nextCursor,
    keyRings: rings.length > 0 ? rings : [...new Set(page.items.map((key) => key.keyRing))].sort(),
  };
}

/**
 * The same with the credentials that an instance has: what its root key can be changed to.
 * @throws AppError FORBIDDEN (role operator), NOT_FOUND, INVALID_STATE, INVALID_CURSOR, KEY_MANAGER_*
 */
export async function listInstanceRootKeys(
  actor: Actor,
  instanceId: string,
  query: RootKeyQuery,
): Promise<RootKeyPage> {
  requireRole(actor, "operator");

  const instance = await requireInstanceWithKey(actor, instanceId);
  const found = openInstanceKeyManager(instance);

  return recordCall(
    actor,
    {
      action: "vmware-solutions.root-key.list",
      kind: found.provider.kind,
      keyManagerCrn: instance.keyManagerCrn ?? "",
      endpoint: found.endpoint,
      instanceId,
      ownSecret: false,
    },
    async () => {
      try {
        return await readRootKeys(found, query, { correlationId: actor.requestId });
      } catch (error) {
        throw toAppError(error);
      }
    },
    ({ items }) => ({ rootKeys: items.length }),
  );
}

/**
 * Names of the key rings of a key manager instance.
 * @throws AppError as listRootKeys
 */
export async function listKeyRings(
  actor: Actor,
  input: KeyManagerTarget,
  cloud: IbmCloud = ibmCloud(),
): Promise<{ keyRings: string[] }> {
  requireRole(actor, "operator");

  return withKeyManager(actor, input, cloud, async ({ provider: { onlyKeyRing }, keyManager }, call) => ({
    keyRings: onlyKeyRing === undefined ? await keyRingNames(keyManager, call) : [onlyKeyRing],
  }));
}

async function keyRingNames(keyManager: KeyManager, call: CallContext): Promise<string[]> {
  const rings = await keyManager.listKeyRings(call);

  return rings.map(({ id }) => id).sort();
}

/** A role that is limited to key rings may list their keys but not the rings: then the keys themselves tell. */
async function readableKeyRings(keyManager: KeyManager, call: CallContext): Promise<string[]> {
  try {
    return await keyRingNames(keyManager, call);
  } catch (error) {
    if (error instanceof KeyManagerError && error.failure === "forbidden") {
      return [];
    }

    throw error;
  }
}
