import { AppError } from "@/lib/core/errors";
import { database } from "@/lib/db";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import type { Secret } from "@/lib/ibm-cloud/secret";
import type { Actor } from "../actor";
import { type IbmKeyManagerKind, requireApiKey } from "./credentials";
import { deploymentApiKey, hasDeploymentIdentity } from "./deployment-identity";
import type { IbmCloud } from "./ibm-cloud";

/** With what a key manager is asked before it is an instance's. */
export type KeyManagerCredentials = {
  /** API key of a service ID; kept nowhere. */
  readonly apiKey?: string | Secret | undefined;
  /** KMIP instance that an HPCS instance authorizes, in the place of an API key. */
  readonly instanceId?: string | undefined;
};

/** True where an HPCS instance is used by its authorization of the KMIP instance, as no API key was given. */
export function isByAuthorization(kind: IbmKeyManagerKind, { apiKey }: KeyManagerCredentials): boolean {
  return kind === "hpcs" && apiKey === undefined && hasDeploymentIdentity();
}

/**
 * Whose tokens are used: the API key's owner's, or the KMIP instance's own.
 * @throws AppError VALIDATION_FAILED without an API key and without an instance, NOT_FOUND, NOT_AVAILABLE
 */
export async function tokenSourceOf(
  actor: Actor,
  cloud: IbmCloud,
  kind: IbmKeyManagerKind,
  credentials: KeyManagerCredentials,
): Promise<TokenSource> {
  if (!isByAuthorization(kind, credentials)) {
    return cloud.iam.tokenSource(requireApiKey(credentials.apiKey));
  }

  return cloud.iam.authorizedTokenSource(deploymentApiKey(), await requireOwnInstance(actor, credentials));
}

/** @throws AppError VALIDATION_FAILED, NOT_FOUND */
export async function requireOwnInstance(
  actor: Actor,
  { instanceId }: KeyManagerCredentials,
): Promise<string> {
  if (instanceId === undefined) {
    throw new AppError(
      "VALIDATION_FAILED",
      "Order the instance first: the authorization of the Hyper Protect Crypto Services instance names it.",
      { invalidParams: [{ name: "instanceId", code: "REQUIRED", reason: "is required without an API key" }] },
    );
  }
  const row = await database().prisma.instance.findFirst({
    where: { id: instanceId, accountId: actor.accountId },
    select: { id: true },
  });
  if (!row) {
    throw new AppError("NOT_FOUND", "There is no such instance.");
  }

  return row.id;
}
