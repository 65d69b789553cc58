import { createHash } from "node:crypto";
import { AppError } from "@/lib/core/errors";
import { unsealSecret } from "@/lib/core/secrets";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { Secret } from "@/lib/ibm-cloud/secret";
import type { KeyManager } from "@/lib/key-managers/key-manager";
import type { Credential, Provider } from "@/lib/key-managers/provider";
import { perProcess } from "@/lib/per-process";
import { ibmCloud } from "./ibm-cloud";
import { providerContext, providerOfInstance } from "./providers";
import { toAppError } from "./to-app-error";

/** A connected key manager and the root key that an instance uses there. */
export type OpenedKeyManager = {
  readonly provider: Provider;
  readonly keyManager: KeyManager;
  readonly crkId: string;
  /** Key ring for new standard keys; null = the key manager's default. */
  readonly keyRing: string | null;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  /** The next call signs in anew, if it can be asked for. */
  renewToken(): void;
};

/** The columns of an instance that say which key manager it uses; rows of Prisma and of plain SQL both fit. */
export type InstanceKeyManager = {
  readonly id: string;
  readonly keyManagerKind: string | null;
  readonly keyManagerGuid: string | null;
  readonly keyManagerEndpoint: string | null;
  readonly keyRing: string | null;
  readonly crkId: string | null;
  readonly apiKeySealed: Uint8Array | null;
};

/** The purpose under which an instance's API key is sealed (lib/core/secrets). */
export function apiKeyPurpose(instanceId: string): string {
  return `instance-api-key:${instanceId}`;
}

/**
 * Connects to a key manager; asks nothing of it yet.
 * @throws AppError NOT_AVAILABLE where this deployment lacks what the kind takes
 */
export function openKeyManager(
  options: {
    kind: string;
    credential: Credential;
    keyManagerGuid: string;
    endpoint: string;
    keyRing: string | null;
    crkId: string;
  },
  cloud: IbmCloud = ibmCloud(),
): OpenedKeyManager {
  const { credential, endpoint, keyRing, crkId } = options;
  const provider = providerOfInstance(options.kind);

  try {
    const { keyManager, renew } = provider.open(providerContext(cloud), {
      credential,
      guid: options.keyManagerGuid,
      endpoint,
      keyRing,
    });

    return { provider, keyManager, crkId, keyRing, endpoint, renewToken: renew };
  } catch (error) {
    throw toAppError(error);
  }
}

/** The API key of an instance. @throws AppError INVALID_STATE when there is none; the error of unsealSecret */
export function unsealInstanceApiKey(instance: Pick<InstanceKeyManager, "id" | "apiKeySealed">): Secret {
  if (instance.apiKeySealed === null) {
    throw new AppError("INVALID_STATE", "The instance has no API key.");
  }

  const bytes = unsealSecret(instance.apiKeySealed, apiKeyPurpose(instance.id));

  try {
    return new Secret(bytes.toString("utf8"));
  } finally {
    bytes.fill(0);
  }
}

/** The authorization by which an instance that has no secret enters its key manager; null for one that has. */
function authorizationOf({
  keyManagerKind,
  apiKeySealed,
}: Pick<InstanceKeyManager, "keyManagerKind" | "apiKeySealed">) {
  return keyManagerKind === null || apiKeySealed !== null
    ? null
    : (providerOfInstance(keyManagerKind).authorization ?? null);
}

/** With what the permission checks of an instance run. @throws AppError INVALID_STATE when there is no API key */
export function credentialsOf(
  instance: Pick<InstanceKeyManager, "id" | "keyManagerKind" | "apiKeySealed">,
): { readonly apiKey: Secret } | { readonly authorizedFor: string } {
  return authorizationOf(instance) === null
    ? { apiKey: unsealInstanceApiKey(instance) }
    : { authorizedFor: instance.id };
}

function credentialOf(instance: InstanceKeyManager): Credential {
  return authorizationOf(instance) === null
    ? { secret: unsealInstanceApiKey(instance) }
    : { authorizedFor: instance.id };
}

type Cached = { readonly fingerprint: string; readonly opened: OpenedKeyManager };

const MAX_CACHED = 10_000;
const cache = perProcess("key-managers", () => new Map<string, Cached>());

/**
 * The key manager of an instance. The same adapter comes back until one of the instance's settings for it changes, so
 * that the API key is unsealed once and not for every Get.
 * @throws AppError INVALID_STATE when the instance has no key manager yet, NOT_AVAILABLE
 */
export function openInstanceKeyManager(
  instance: InstanceKeyManager,
  cloud: IbmCloud = ibmCloud(),
): OpenedKeyManager {
  const fingerprint = fingerprintOf(instance);
  const known = cache().get(instance.id);

  if (known?.fingerprint === fingerprint) {
    return known.opened;
  }

  const { keyManagerKind, keyManagerGuid, keyManagerEndpoint, crkId } = instance;

  if (keyManagerKind === null || keyManagerGuid === null || keyManagerEndpoint === null || crkId === null) {
    throw new AppError("INVALID_STATE", "The instance has no key manager yet.");
  }

  const opened = openKeyManager(
    {
      kind: keyManagerKind,
      credential: credentialOf(instance),
      keyManagerGuid,
      endpoint: keyManagerEndpoint,
      keyRing: instance.keyRing,
      crkId,
    },
    cloud,
  );

  if (cache().size >= MAX_CACHED) {
    const [oldest] = cache().keys();
    cache().delete(oldest ?? "");
  }

  cache().set(instance.id, { fingerprint, opened });

  return opened;
}

/**
 * Forgets the adapter of an instance whose settings changed or that was removed. Calls that run on it end normally: it
 * holds nothing but sockets of the process's pool.
 */
export function invalidateInstanceKeyManager(instanceId: string): void {
  cache().delete(instanceId);
}

/** Has an instance that was changed sign in anew, in case its API key was disabled or its roles were. */
export function renewInstanceToken(instanceId: string): void {
  cache().get(instanceId)?.opened.renewToken();
}

function fingerprintOf(instance: InstanceKeyManager): string {
  const hash = createHash("sha256");

  for (const part of [
    instance.keyManagerKind,
    instance.keyManagerGuid,
    instance.keyManagerEndpoint,
    instance.keyRing,
    instance.crkId,
  ]) {
    hash.update(JSON.stringify(part)).update("\n");
  }

  return hash.update(credentialFingerprint(instance)).digest("hex");
}

function credentialFingerprint(instance: InstanceKeyManager): string | Uint8Array {
  const authorization = authorizationOf(instance);

  if (authorization === null) {
    return instance.apiKeySealed ?? "";
  }

  try {
    return authorization.fingerprint();
  } catch (error) {
    throw toAppError(error);
  }
}
