import { z } from "zod";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type HttpResponse, tryParseJson } from "@/lib/ibm-cloud/http";
import { ADDRESS_NOT_ALLOWED } from "@/lib/outbound/agent";
import { codeOf } from "./errors";
import { errorBody } from "./wire";

/** Where a person said that a key manager is. */
type GivenAddress = { readonly service: string; readonly endpoint: string };

const NO_KEY_MANAGER = "NO_KEY_MANAGER";

/** What tells an answer of Key Protect from that of any other server with JSON: what it calls its collections, or a key's bytes. */
const ownAnswer = z.union([
  z.object({ metadata: z.object({ collectionType: z.string().startsWith("application/vnd.ibm.kms.") }) }),
  z.object({ ciphertext: z.string() }),
  z.object({ plaintext: z.string() }),
]);

/**
 * The one failure of an address that a person gave and that no key manager answers at: whether nothing listens there, a
 * firewall drops, TLS fails or something else answers is not told, so that nobody looks around in a network with it. Its
 * cause, which stands in the log, tells.
 */
export function noKeyManager({ service, endpoint }: GivenAddress, cause: unknown): IbmCloudError {
  return new IbmCloudError("unreachable", `No ${service} answers at ${new URL(endpoint).host}.`, {
    code: NO_KEY_MANAGER,
    cause,
  });
}

/** A failure at a given address as it may be told. That the address is not allowed says nothing of what is there. */
export function tellable(address: GivenAddress, error: unknown): unknown {
  return error instanceof IbmCloudError &&
    ["unreachable", "timeout", "serverError"].includes(error.failure) &&
    error.code !== ADDRESS_NOT_ALLOWED &&
    error.code !== "CANCELLED"
    ? noKeyManager(address, error)
    : error;
}

/** An answer from a given address, if it is a key manager's. @throws IbmCloudError */
export function requireKeyManager(address: GivenAddress, response: HttpResponse): HttpResponse {
  const { status, body } = response;
  const own =
    status >= 200 && status < 300
      ? tryParseJson(ownAnswer, body) !== null
      : codeOf(body) !== null || (tryParseJson(errorBody, body)?.resources.length ?? 0) > 0;

  if (!own) {
    throw noKeyManager(
      address,
      new IbmCloudError("serverError", `${address.service} answered ${status}.`, { status }),
    );
  }

  return response;
}
