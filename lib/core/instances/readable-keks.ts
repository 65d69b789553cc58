import { database } from "@/lib/db";
import type { Instance } from "@/lib/db/generated/client";
import { Secret } from "@/lib/ibm-cloud/secret";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import { AppError } from "../errors";
import { type OpenedKeyManager, openKeyManager } from "../key-managers/open-key-manager";
import { toAppError } from "../key-managers/to-app-error";
import type { PermissionFacts } from "../permissions/report";
import { callContext, readStandardKey, StandardKeyGone, wrapAad } from "../serving/material-reader";

const TIMEOUT_MS = 10_000;
/** A standard key that is gone says nothing about the API key: so many of each root key are tried. */
const TRIES = 3;

type Kek = { readonly uniqueIdentifier: string; readonly keyManagerKeyId: string };

async function readOne(
  { keyManager }: OpenedKeyManager,
  instanceId: string,
  crkId: string,
  kek: Kek,
): Promise<boolean> {
  try {
    const { payload } = await readStandardKey(keyManager, kek.keyManagerKeyId, callContext(TIMEOUT_MS));
    const aad = wrapAad(instanceId, kek.uniqueIdentifier);
    const { plaintext } = await keyManager.unwrap(crkId, payload, aad, callContext(TIMEOUT_MS));

    plaintext.fill(0);

    return true;
  } catch (error) {
    if (error instanceof StandardKeyGone) {
      return false;
    }

    // Disabled or deleted: so it is for every API key.
    if (error instanceof KeyManagerError && ["keyState", "deleted", "ciphertext"].includes(error.failure)) {
      return true;
    }

    if (error instanceof KeyManagerError && error.definite) {
      throw new AppError(
        "KEY_MANAGER_FORBIDDEN",
        `The new API key cannot read KEKs that are wrapped under the root key ${crkId}, and they are needed until they have moved. Give its service ID access to that root key and to the key ring of its KEKs.`,
        { cause: error },
      );
    }

    throw toAppError(error);
  }
}

/**
 * Proves that an API key reads the KEKs that an instance has, under every root key that still wraps some.
 * @throws AppError KEY_MANAGER_*
 */
export async function requireReadable(row: Instance, apiKey: string, facts: PermissionFacts): Promise<void> {
  const { keyManager } = facts;
  if (row.keyManagerKind === null || keyManager === null) {
    return;
  }

  const { prisma } = database();
  const where = { instanceId: row.id, storage: "stored" as const, keyManagerKeyId: { not: null } };
  const groups = await prisma.managedObject.groupBy({ by: ["crkId"], where });

  for (const { crkId } of groups) {
    const opened = openKeyManager({
      kind: row.keyManagerKind,
      credential: { secret: new Secret(apiKey) },
      keyManagerGuid: keyManager.guid,
      endpoint: keyManager.endpoint,
      keyRing: null,
      crkId,
    });
    const keks = await prisma.managedObject.findMany({
      where: { ...where, crkId },
      select: { uniqueIdentifier: true, keyManagerKeyId: true },
      take: TRIES,
    });

    for (const { uniqueIdentifier, keyManagerKeyId } of keks) {
      const read =
        keyManagerKeyId === null ||
        (await readOne(opened, row.id, crkId, { uniqueIdentifier, keyManagerKeyId }));
      if (read) {
        break;
      }
    }
  }
}
