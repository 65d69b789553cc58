import { AppError } from "@/lib/core/errors";
import { database } from "@/lib/db";
import { Secret, secret } from "@/lib/ibm-cloud/secret";
import type { Credential, CredentialType, Provider } from "@/lib/key-managers/provider";
import type { Actor } from "../actor";
import { LIVING } from "../instance";

/** With what a key manager is asked before it is an instance's. */
export type KeyManagerCredentials = {
  /** API key of a service ID, or PIN of a token; kept nowhere. */
  readonly apiKey?: string | Secret | undefined;
  /** KMIP instance that the key manager authorizes, in the place of a secret. */
  readonly instanceId?: string | undefined;
};

/** What is missing where a secret is. */
const MISSING: {
  readonly [type in CredentialType]: {
    readonly message: string;
    readonly reason: string;
    readonly selection: string;
    readonly instance: string;
  };
} = {
  apiKey: {
    message: "An API key of a service ID is needed.",
    reason: "is required for this key manager",
    selection: "The API key of a service ID is needed.",
    instance: "The instance has no API key.",
  },
  pin: {
    message: "The PIN of the token is needed.",
    reason: "is required: the PIN of the token",
    selection: "The PIN of the token is needed.",
    instance: "The instance has no PIN.",
  },
};

/** @throws AppError VALIDATION_FAILED when there is no secret */
function requireSecret(provider: Provider, given: string | Secret | undefined): Secret {
  if (given instanceof Secret) {
    return given;
  }

  const text = given?.trim() ?? "";

  if (text === "") {
    const { message, reason } = MISSING[provider.credential.type];

    throw new AppError("VALIDATION_FAILED", message, {
      invalidParams: [{ name: "apiKey", code: "REQUIRED", reason }],
    });
  }

  return new Secret(text);
}

/** The error for an order without a secret, where one is needed. */
export function secretMissing(provider: Provider): AppError {
  return new AppError("VALIDATION_FAILED", MISSING[provider.credential.type].selection, {
    invalidParams: [{ name: "keyManager.apiKey", code: "required", reason: "is needed" }],
  });
}

/** What an instance enters its key manager with. @throws AppError INVALID_STATE when there is nothing */
export function credentialInHand(
  provider: Provider,
  { apiKey, authorizedFor }: { apiKey?: string | Secret | undefined; authorizedFor?: string | undefined },
): Credential {
  if (apiKey !== undefined) {
    return { secret: secret(apiKey) };
  }

  if (authorizedFor === undefined) {
    throw new AppError("INVALID_STATE", MISSING[provider.credential.type].instance);
  }

  return { authorizedFor };
}

/** True where a key manager is used by its authorization of the KMIP instance, as no secret was given. */
export function isByAuthorization(provider: Provider, { apiKey }: KeyManagerCredentials): boolean {
  return apiKey === undefined && provider.authorization?.available() === true;
}

/**
 * With what a key manager is entered: the secret that was given, or the authorization of the KMIP instance.
 * @throws AppError VALIDATION_FAILED without a secret and without an instance, NOT_FOUND
 */
export async function requireCredential(
  actor: Actor,
  provider: Provider,
  given: KeyManagerCredentials,
): Promise<Credential> {
  return isByAuthorization(provider, given)
    ? { authorizedFor: await requireOwnInstance(actor, provider, given) }
    : { secret: requireSecret(provider, given.apiKey) };
}

async function requireOwnInstance(
  actor: Actor,
  provider: Provider,
  { instanceId }: KeyManagerCredentials,
): Promise<string> {
  if (instanceId === undefined) {
    throw new AppError(
      "VALIDATION_FAILED",
      `Order the instance first: the authorization of the ${provider.title} instance names it.`,
      { invalidParams: [{ name: "instanceId", code: "REQUIRED", reason: "is required without an API key" }] },
    );
  }

  const row = await database().prisma.instance.findFirst({
    where: { id: instanceId, accountId: actor.accountId, ...LIVING },
    select: { id: true },
  });

  if (!row) {
    throw new AppError("NOT_FOUND", "There is no such instance.");
  }

  return row.id;
}
