import { word } from "@/lib/shell-word";
import type { Findings, Params } from "../checks/run-checks";

const cli = (command: string, label: (p: Params) => string) => (p: Params) =>
  `npm run -s cli -- pkcs11 ${command} --token ${word(p.token, "TOKEN")} --label ${label(p)}`;
const crkId = (p: Params) => word(p.crkId, "ROOT_KEY_ID");
const newLabel = () => "NEW_LABEL";

/** What the checks of a token can find, and the command for it. */
export const TOKEN_FINDINGS = {
  TOKEN_URI_INVALID: { status: "fail" },
  MODULE_NOT_CONFIGURED: { status: "fail" },
  PKCS11_PACKAGE_MISSING: { status: "fail", command: () => "npm rebuild pkcs11js" },
  MODULE_NOT_LOADED: { status: "fail" },
  MODULE_LOADED: { status: "pass" },

  TOKEN_NOT_PRESENT: { status: "fail" },
  TOKEN_WRITE_PROTECTED: { status: "fail" },
  TOKEN_PRESENT: { status: "pass" },

  PIN_ACCEPTED: { status: "pass" },
  PIN_REFUSED: { status: "fail" },
  PIN_FINAL_TRY: { status: "fail" },
  PIN_LOCKED: { status: "fail" },

  TOKEN_TIMEOUT: { status: "fail" },
  TOKEN_FAILURE: { status: "fail" },
  TOKEN_REFUSED: { status: "fail" },

  TOKEN_KEY_FOUND: { status: "pass" },
  TOKEN_KEY_NOT_FOUND: { status: "fail", command: cli("create-root-key", crkId) },
  CRK_IS_ROOT_KEY: { status: "pass" },
  TOKEN_KEY_EXTRACTABLE: { status: "fail", command: cli("create-root-key", newLabel) },
  TOKEN_KEY_NOT_AES256: { status: "fail", command: cli("create-root-key", newLabel) },
  CRK_ACTIVE: { status: "pass" },
  TOKEN_KEY_SUSPENDED: { status: "fail" },
  TOKEN_KEY_DECRYPTS_ONLY: { status: "fail", command: cli("rotate-root-key", crkId) },

  WRAP_UNWRAP_WORKS: { status: "pass" },
  TOKEN_LACKS_GCM: { status: "fail" },
  TOKEN_PROBE_CHANGED: { status: "fail" },

  TOKEN_STORES_DATA: { status: "pass" },
  TOKEN_SIGNS_STORED_KEYS: { status: "pass" },
  TOKEN_LACKS_HMAC: { status: "fail" },
  TOKEN_STORES_NO_DATA: { status: "fail" },
} as const satisfies Findings;

export type TokenCode = keyof typeof TOKEN_FINDINGS;
