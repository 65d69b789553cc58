import { checkBaseUrl } from "@/lib/ibm-cloud/http";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { ProviderError } from "./provider";

/**
 * The base URL that a person gave in place of the one that the key manager's cloud names; undefined when none was given.
 * @throws ProviderError `invalid` when a token must not be sent there
 */
export function givenEndpoint(
  cloud: Pick<IbmCloud, "allowsPlainHttp">,
  text: string | undefined,
): string | undefined {
  const trimmed = text?.trim() ?? "";

  if (trimmed === "") {
    return undefined;
  }

  // Documentation shows the address with and without the API's path.
  const url = checkBaseUrl(trimmed.replace(/\/api\/v2\/?$/, ""), cloud.allowsPlainHttp);

  if (url === null) {
    throw new ProviderError("invalid", "This is no address that an API key's token may be sent to.", {
      field: { name: "endpoint", code: "INVALID_ENDPOINT", reason: "is no https address of a key manager" },
    });
  }

  return url;
}
