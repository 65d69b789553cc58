import { type Actor, requireRole } from "@/lib/core/actor";
import { audited } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { database } from "@/lib/db";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { type CallContext, KeyManagerError } from "@/lib/key-managers/key-manager";
import { discoverTokens } from "@/lib/key-managers/pkcs11/discover";
import { openToken, pkcs11 } from "@/lib/key-managers/pkcs11/provider";
import { providerContext } from "./providers";
import { toAppError } from "./to-app-error";

/** Labels longer than this are not taken by the API. */
const MAX_LABEL = 100;

/**
 * Makes a root key in a token (AES-256, sensitive, not extractable), or with `rotate` a new version of one. Old versions
 * stay and unwrap what they wrapped.
 * @param input.token label or serial number of the token, or its PKCS#11 URI
 * @throws AppError FORBIDDEN, VALIDATION_FAILED, NAME_TAKEN for a new key of a label that is there, NOT_FOUND for a token
 *   or a key to rotate that is not, NOT_AVAILABLE, KEY_MANAGER_*
 */
export async function makeTokenRootKey(
  actor: Actor,
  input: { token: string; label: string; pin: Secret; rotate: boolean },
): Promise<{ label: string; version: string; token: string }> {
  requireRole(actor, "administrator");

  const label = input.label.trim();
  const call = { correlationId: actor.requestId };

  if (label === "" || label.length > MAX_LABEL) {
    throw new AppError("VALIDATION_FAILED", `A label is 1 to ${MAX_LABEL} characters.`);
  }

  try {
    const uri = await findToken(input.token, call);
    const token = openToken(providerContext(), uri, input.pin);
    const exists = await token.readKeyMetadata(label, call).then(
      () => true,
      (error: unknown) => {
        if (error instanceof KeyManagerError && error.failure === "notFound") {
          return false;
        }

        throw error;
      },
    );

    if (exists && !input.rotate) {
      throw new AppError(
        "NAME_TAKEN",
        "The token has a key of this label. Rotate it, or choose another label.",
      );
    }

    if (!exists && input.rotate) {
      throw new AppError("NOT_FOUND", "The token has no root key of this label.");
    }

    return await audited(
      actor,
      {
        action: input.rotate ? "vmware-solutions.root-key.rotate" : "vmware-solutions.root-key.create",
        target: { id: label, name: label },
        requestData: { keyManager: pkcs11.kind, keyManagerCrn: uri },
        effects: "outside",
      },
      async (done) => {
        const { version } = await token.generateRootKey(label, call).catch((error: unknown) => {
          throw toAppError(error);
        });

        await done(database().pool, { responseData: { version } });

        return { label, version, token: uri };
      },
    );
  } catch (error) {
    throw toAppError(error);
  }
}

async function findToken(wanted: string, call: CallContext): Promise<string> {
  const { keyManagers } = await discoverTokens(call);
  const matching = keyManagers.filter(({ crn, name, guid }) => [crn, name, guid].includes(wanted));
  const [only, second] = matching;

  if (only === undefined) {
    throw new AppError("NOT_FOUND", "The configured modules show no such token.");
  }

  if (second !== undefined) {
    throw new AppError(
      "VALIDATION_FAILED",
      "Several tokens have this label. Give the serial number or the URI.",
    );
  }

  return only.crn;
}
