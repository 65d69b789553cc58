import { createHash } from "node:crypto";
import { AppError } from "@/lib/core/errors";
import { unsealSecret } from "@/lib/core/secrets";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { Secret } from "@/lib/ibm-cloud/secret";
import { createKeyManager } from "@/lib/key-managers/create-key-manager";
import type { KeyManager, KeyManagerKind } from "@/lib/key-managers/key-manager";
import { perProcess } from "@/lib/per-process";
import { deploymentApiKey } from "./deployment-identity";
import { type IbmCloud, ibmCloud } from "./ibm-cloud";
import { openToken } from "./open-token";
import { toAppError } from "./to-app-error";

/** A connected key manager and the root key that an instance uses there. */
export type OpenedKeyManager = {
  readonly keyManager: KeyManager;
  readonly crkId: string;
  /** Key ring for new standard keys; null = the key manager's default. */
  readonly keyRing: string | null;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  /** The next call signs in anew, if IAM answers. */
  renewToken(): void;
};

/** The columns of an instance that say which key manager it uses; rows of Prisma and of plain SQL both fit. */
export type InstanceKeyManager = {
  readonly id: string;
  /** `key-protect` in SQL, `keyProtect` in Prisma. */
  readonly keyManagerKind: KeyManagerKind | "keyProtect" | null;
  readonly keyManagerGuid: string | null;
  readonly keyManagerEndpoint: string | null;
  readonly keyRing: string | null;
  readonly crkId: string | null;
  readonly apiKeySealed: Uint8Array | null;
};

/** The port's word for a kind, whichever way the database layer spells it. */
export function keyManagerKindOf(kind: KeyManagerKind | "keyProtect"): KeyManagerKind {
  return kind === "keyProtect" ? "key-protect" : kind;
}

/** The purpose under which an instance's API key is sealed (lib/core/secrets). */
export function apiKeyPurpose(instanceId: string): string {
  return `instance-api-key:${instanceId}`;
}

type Credentials = { readonly tokens: TokenSource } | { readonly pin: Secret };

function pinOf(credentials: Credentials): Secret {
  if ("pin" in credentials) {
    return credentials.pin;
  }
  throw new Error("A token of an HSM is opened with a PIN.");
}

function tokensOf(credentials: Credentials): TokenSource {
  if ("tokens" in credentials) {
    return credentials.tokens;
  }
  throw new Error("A key manager of IBM Cloud is opened with tokens of IAM.");
}

/**
 * Connects to a key manager; asks nothing of it yet.
 * @throws AppError NOT_AVAILABLE for a PKCS#11 module that is not configured
 */
export function openKeyManager(options: {
  kind: KeyManagerKind;
  /** Whose tokens are used; or the PIN, for PKCS#11. */
  credentials: Credentials;
  keyManagerGuid: string;
  endpoint: string;
  keyRing: string | null;
  crkId: string;
}): OpenedKeyManager {
  const { kind, credentials } = options;

  try {
    return {
      keyManager:
        kind === "pkcs11"
          ? openToken(options.endpoint, pinOf(credentials))
          : createKeyManager({
              kind,
              endpoint: options.endpoint,
              instanceGuid: options.keyManagerGuid,
              keyRing: options.keyRing,
              tokenSource: tokensOf(credentials),
            }),
      crkId: options.crkId,
      keyRing: options.keyRing,
      endpoint: options.endpoint,
      renewToken: () => ("tokens" in credentials ? credentials.tokens.renew() : undefined),
    };
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

/**
 * True for an instance of HPCS that has no API key: the HPCS instance authorized the KMIP instance itself, and the
 * deployment's identity acts for it.
 */
function isAuthorizedByService(
  instance: Pick<InstanceKeyManager, "keyManagerKind" | "apiKeySealed">,
): boolean {
  return instance.keyManagerKind === "hpcs" && instance.apiKeySealed === null;
}

/** With what the permission checks of an instance run. @throws AppError INVALID_STATE when there is no API key */
export function credentialsOf(
  instance: Pick<InstanceKeyManager, "id" | "keyManagerKind" | "apiKeySealed">,
): { readonly apiKey: Secret } | { readonly authorizedFor: string } {
  return isAuthorizedByService(instance)
    ? { authorizedFor: instance.id }
    : { apiKey: unsealInstanceApiKey(instance) };
}

function accessOf(instance: InstanceKeyManager, cloud: IbmCloud): Credentials {
  if (isAuthorizedByService(instance)) {
    return { tokens: cloud.iam.authorizedTokenSource(deploymentApiKey(), instance.id) };
  }

  const secret = unsealInstanceApiKey(instance);

  return instance.keyManagerKind === "pkcs11" ? { pin: secret } : { tokens: cloud.iam.tokenSource(secret) };
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

  const opened = openKeyManager({
    kind: keyManagerKindOf(keyManagerKind),
    credentials: accessOf(instance, cloud),
    keyManagerGuid,
    endpoint: keyManagerEndpoint,
    keyRing: instance.keyRing,
    crkId,
  });

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

  const credentials = isAuthorizedByService(instance)
    ? deploymentApiKey().fingerprint()
    : instance.apiKeySealed;

  return hash.update(credentials ?? "").digest("hex");
}
