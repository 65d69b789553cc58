import { env } from "@/lib/env";
import { checkBaseUrl } from "@/lib/ibm-cloud/http";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { ADDRESS_NOT_ALLOWED } from "@/lib/outbound/agent";
import { mayBeConnectedTo } from "@/lib/outbound/allow-list";
import { type Credential, ProviderError } from "./provider";

/**
 * The base URL that a person gave in place of the one that the key manager's cloud names; undefined when none was given.
 * Only the person's own secret goes to such an address: where the key manager authorizes the KMIP instance it is this
 * deployment's token that would, and it goes where the key manager's cloud says and nowhere else (ADR 0024).
 * @param credential what is sent there
 * @throws ProviderError `invalid` when it must not be sent there
 */
export function givenEndpoint(
  cloud: Pick<IbmCloud, "allowsPlainHttp">,
  credential: Credential,
  text: string | undefined,
): string | undefined {
  const trimmed = text?.trim() ?? "";

  if (trimmed === "") {
    return undefined;
  }

  if (!("secret" in credential)) {
    throw new ProviderError("invalid", "An endpoint can be given with an API key only.", {
      field: {
        name: "endpoint",
        code: "ENDPOINT_WITHOUT_API_KEY",
        reason: "cannot be given where the key manager authorizes the instance",
      },
    });
  }

  // Documentation shows the address with and without the API's path.
  const url = checkBaseUrl(trimmed.replace(/\/api\/v2\/?$/, ""), cloud.allowsPlainHttp);

  if (url === null) {
    throw new ProviderError("invalid", "This is no address that an API key's token may be sent to.", {
      field: { name: "endpoint", code: "INVALID_ENDPOINT", reason: "is no https address of a key manager" },
    });
  }

  // Names are judged when they are resolved; what is an address by itself is told at once.
  if (!mayBeConnectedTo(url, env().outboundAllow)) {
    throw new ProviderError("invalid", "The console does not connect to this address.", {
      field: {
        name: "endpoint",
        code: ADDRESS_NOT_ALLOWED,
        reason:
          "is an address of this machine, of its link or of a metadata service, and OUTBOUND_ALLOW does not name it",
      },
    });
  }

  return url;
}
