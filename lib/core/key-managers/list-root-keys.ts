import { type Actor, requireRole } from "@/lib/core/actor";
import { HPCS_KEY_RING } from "@/lib/key-managers/hpcs/hpcs";
import {
  type CallContext,
  type KeyManager,
  KeyManagerError,
  type KeyManagerKeyState,
  type KeyManagerKind,
} from "@/lib/key-managers/key-manager";
import { requireInstanceWithKey } from "../instance";
import { connectKeyManager } from "./connect-key-manager";
import { type IbmCloud, ibmCloud } from "./ibm-cloud";
import { openInstanceKeyManager } from "./open-key-manager";
import { openToken, requirePin } from "./open-token";
import { toAppError } from "./to-app-error";
import { type KeyManagerCredentials, tokenSourceOf } from "./token-source";

export type KeyManagerTarget = KeyManagerCredentials & {
  kind: KeyManagerKind;
  keyManagerCrn: string;
  /** Base URL in place of the one that IBM Cloud names. */
  endpoint?: string | undefined;
};

export type RootKeyItem = {
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
 * it. For HPCS only the default key ring counts.
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, INVALID_CURSOR, NOT_AVAILABLE, NOT_FOUND, KEY_MANAGER_*
 */
export async function listRootKeys(
  actor: Actor,
  input: KeyManagerTarget & RootKeyQuery,
  cloud: IbmCloud = ibmCloud(),
): Promise<RootKeyPage> {
  requireRole(actor, "operator");

  const call: CallContext = { correlationId: actor.requestId };

  try {
    const keyManager = await connect(actor, cloud, input, call);

    return await readRootKeys(keyManager, input, call);
  } catch (error) {
    throw toAppError(error);
  }
}

async function readRootKeys(
  keyManager: KeyManager,
  input: RootKeyQuery,
  call: CallContext,
): Promise<RootKeyPage> {
  const isHpcs = keyManager.kind === "hpcs";
  const keyRing = isHpcs ? HPCS_KEY_RING : input.keyRing;
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
    isHpcs ? [HPCS_KEY_RING] : readableKeyRings(keyManager, call),
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

  const { keyManager } = openInstanceKeyManager(await requireInstanceWithKey(actor, instanceId));

  try {
    return await readRootKeys(keyManager, query, { correlationId: actor.requestId });
  } catch (error) {
    throw toAppError(error);
  }
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

  const call: CallContext = { correlationId: actor.requestId };

  try {
    const keyManager = await connect(actor, cloud, input, call);

    return { keyRings: input.kind === "hpcs" ? [HPCS_KEY_RING] : await keyRingNames(keyManager, call) };
  } catch (error) {
    throw toAppError(error);
  }
}

async function connect(
  actor: Actor,
  cloud: IbmCloud,
  target: KeyManagerTarget,
  call: CallContext,
): Promise<KeyManager> {
  const { kind, keyManagerCrn } = target;
  if (kind === "pkcs11") {
    return openToken(keyManagerCrn, requirePin(target.apiKey));
  }

  const tokenSource = await tokenSourceOf(actor, cloud, kind, target);
  const { keyManager } = await connectKeyManager(
    cloud,
    { kind, tokenSource, keyManagerCrn, endpoint: target.endpoint },
    call,
  );

  return keyManager;
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
