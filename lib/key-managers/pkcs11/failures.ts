import type { Provider } from "../provider";

/** What a failure of a token means: there is no cloud and no API key. */
export const TOKEN_FAILURES: Provider["failures"] = {
  // Codes of PKCS#11 itself, and those of the adapter.
  codes: /^(?:CKR|TOKEN|PIN|MODULE|ROOT_KEY|DATA_OBJECT|TOO_MANY_TOKENS)(?:_|$)/,
  texts: {
    credentials: "The token does not take this PIN.",
    forbidden: "The token does not allow this.",
    notFound: "The token has no such key.",
    throttled: "The token has no session free. Try again in a moment.",
    timeout: "The token did not answer in time.",
    unreachable: "The token cannot be reached.",
    serverError: "The token reports an internal error.",
  },
};
