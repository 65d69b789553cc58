import { type CheckStatus, type Params, RUNNER_FINDINGS } from "@/lib/key-managers/checks/run-checks";
import { PROVIDERS } from "@/lib/key-managers/registry";
import { word } from "@/lib/shell-word";

/** Values that the texts use; all of them are shown to people, so none is a secret. */
export type FindingParams = Params;

type Words = (params: FindingParams) => string;

/** The words for what a check can find. Its status and its command are the key manager's to say. */
export type FindingWords = { readonly detail: Words; readonly remedy?: Words };

/** What a check can find: its status, and the words for it. */
export type Finding = FindingWords & { readonly status: CheckStatus; readonly command?: Words };

export const CHECK_TITLES: { readonly [id: string]: string } = {
  apiKey: "API key is accepted",
  serviceId: "API key belongs to a service ID",
  instanceReachable: "Key manager instance can be reached",
  authorizationFound: "Service authorization exists",
  platformViewer: "Platform role Viewer",
  serviceManager: "Service role Manager",
  vmwareKmipManager: "Service role for KMIP",
  standardKeysAllowed: "Standard keys may be stored",
  crkFound: "Customer root key exists",
  crkIsRootKey: "The key is a root key",
  crkInDefaultKeyRing: "Customer root key is in the default key ring",
  crkActive: "Customer root key is active",
  wrapUnwrap: "Wrap and unwrap work",
  module: "PKCS#11 module loads",
  token: "Token is present",
  pin: "PIN is accepted",
  storage: "Token stores wrapped KEKs",
};

const owner = (p: FindingParams) =>
  p.serviceIdName
    ? `The service ID ${p.serviceIdName}`
    : p.serviceId
      ? "The service ID"
      : "The owner of the API key";
const manager = (p: FindingParams) => p.keyManagerName || `the ${p.product ?? "key manager"} instance`;
const why = (p: FindingParams) => (p.why ? ` ${p.why}` : "");
/**
 * The words for everything that a check can find, and the remedy. The codes are stable; the console translates them, and
 * the code of the first failure is an instance's status reason.
 */
export const FINDINGS = {
  WAITS_FOR: { detail: (p) => `Waits for “${p.checkTitle}”.` },
  CHECK_BROKE: {
    detail: () => "The check ended with an error of its own.",
    remedy: () => "Run the checks again. If it stays, the log of the process that ran them says more.",
  },

  // ---- apiKey
  API_KEY_ACCEPTED: { detail: () => "IAM gave a token for the API key." },
  API_KEY_EXPIRES_SOON: {
    detail: (p) => `IAM accepts the API key, but it expires on ${p.expiresAt}.`,
    remedy: () => "Create a new API key for the same service ID and give it to the instance before that day.",
  },
  API_KEY_REFUSED: {
    detail: (p) =>
      `IAM does not accept the API key${p.iamCode ? ` (${p.iamCode})` : ""}: it is mistyped, deleted, disabled or expired.`,
    remedy: () => "Create a new API key for the service ID and enter it here.",
  },
  API_KEY_DISABLED: {
    detail: (p) => `The API key ${p.apiKeyName || p.apiKeyId} is disabled, and IAM gives no token for it.`,
    remedy: () =>
      "Enable the API key if it was not disabled on purpose. Otherwise create a new one and enter it here.",
  },
  API_KEY_EXPIRED: {
    detail: (p) => `The API key ${p.apiKeyName || p.apiKeyId} expired on ${p.expiresAt}.`,
    remedy: () => "Create a new API key for the service ID and enter it here.",
  },
  IAM_UNAVAILABLE: {
    detail: (p) => `IAM could not be asked: ${p.cause}`,
    remedy: (p) =>
      `Check that this machine reaches IAM${p.iamHost ? ` at ${p.iamHost}` : ""}, then run the checks again.`,
  },

  DEPLOYMENT_IDENTITY_ACCEPTED: {
    detail: () => "IAM lets the deployment's service ID act for this KMIP instance.",
  },
  DEPLOYMENT_IDENTITY_MISSING: {
    detail: (p) => `${p.cause}`,
    remedy: () =>
      "Have the operator of this deployment put the API key of its service ID into the file that HPCS_DEPLOYMENT_API_KEY_FILE names.",
  },
  DEPLOYMENT_IDENTITY_REFUSED: {
    detail: (p) =>
      `IAM does not accept the deployment's API key${p.iamCode ? ` (${p.iamCode})` : ""}, or does not let its service ID act for KMIP instances.`,
    remedy: () =>
      "Have the operator of this deployment replace the API key in the file that HPCS_DEPLOYMENT_API_KEY_FILE names, or use an API key of a service ID for this instance.",
  },

  // ---- serviceId
  SERVICE_ID_KNOWN: {
    detail: (p) => `The API key belongs to the service ID ${p.serviceIdName} (${p.serviceId}).`,
  },
  API_KEY_OF_USER: {
    detail: (p) =>
      `The API key belongs to a user (${p.iamId}), not to a service ID. It stops working when that person leaves the account.`,
    remedy: () => "Create a service ID with the same two roles and use an API key of it.",
  },

  // ---- instanceReachable
  INSTANCE_REACHED: { detail: (p) => `${p.product} answers at ${p.endpoint}.` },
  KEY_MANAGER_INACTIVE: {
    detail: (p) => `The instance ${manager(p)} is in the state ${p.state}, not active.`,
    remedy: () =>
      "Restore the instance in IBM Cloud if it was deleted in the last seven days, or choose another.",
  },
  ENDPOINT_UNKNOWN: {
    detail: (p) => `IBM Cloud names no endpoint for ${manager(p)}.`,
    remedy: () => "Check the service endpoints of the instance in IBM Cloud.",
  },
  KEY_MANAGER_UNREACHABLE: {
    detail: (p) => `${p.cause}`,
    remedy: () =>
      "Check the route from this machine to the endpoint. A private endpoint needs an account with VRF and service endpoints; IBM_CLOUD_ENDPOINT_TYPE=public uses the public one.",
  },
  KEY_MANAGER_TIMEOUT: {
    detail: (p) => `${p.cause}`,
    remedy: () => "Check firewalls between this machine and the endpoint, then run the checks again.",
  },
  KEY_MANAGER_THROTTLED: {
    detail: (p) => `${p.product} asks for fewer requests.`,
    remedy: () => "Run the checks again in a minute.",
  },
  KEY_MANAGER_FAILURE: {
    detail: (p) => `${p.product} has a failure of its own: ${p.cause}`,
    remedy: () => "Look at the IBM Cloud status page, then run the checks again.",
  },
  KEY_MANAGER_REFUSED: {
    detail: (p) => `${p.product} refused the check: ${p.cause}`,
    remedy: () => "Look the code up in the messages of the key manager's API reference.",
  },
  HPCS_NOT_INITIALIZED: {
    detail: (p) => `The instance ${manager(p)} has no master key yet.`,
    remedy: () => "Initialize the instance: load its master key into the crypto units.",
  },

  // ---- platformViewer
  PLATFORM_VIEWER_HELD: { detail: (p) => `${owner(p)} can see the instance ${manager(p)}.` },
  CRN_INVALID: {
    detail: (p) => `The CRN is not one of a ${p.product} instance.`,
    remedy: () => "Choose the key manager instance again.",
  },
  KEY_MANAGER_NOT_FOUND: {
    detail: (p) =>
      `IBM Cloud shows no instance ${p.guid}: it was removed, or ${owner(p).replace(/^The/, "the")} lacks the platform role Viewer on it.${why(p)}`,
    remedy: () => "If the instance exists, grant the platform role Viewer on it.",
  },
  AUTHORIZED_VIEWER_MISSING: {
    detail: (p) =>
      `IBM Cloud does not show the instance ${p.guid} to this KMIP instance: the authorization is missing or lacks the platform role Viewer, or the instance was removed.`,
    remedy: () => "Create an authorization with both roles, Viewer and VMware KMIP Manager.",
  },
  PLATFORM_VIEWER_MISSING: {
    detail: (p) => `${owner(p)} lacks the platform role Viewer on the instance ${p.guid}.${why(p)}`,
    remedy: () => "Grant the platform role Viewer on the instance.",
  },
  RESOURCE_CONTROLLER_UNAVAILABLE: {
    detail: (p) => `The resource controller could not be asked: ${p.cause}`,
    remedy: () => "Check that this machine reaches the resource controller, then run the checks again.",
  },

  // ---- serviceManager, vmwareKmipManager, authorizationFound
  SERVICE_MANAGER_HELD: {
    detail: (p) => `${owner(p)} may do what only the service role Manager may.`,
  },
  SERVICE_MANAGER_MISSING: {
    detail: (p) =>
      `${owner(p)} lacks the service role Manager on ${manager(p)}. KEKs could not be deleted there.${why(p)}`,
    remedy: () =>
      "Grant the service role Manager on the whole instance. If it is there, look at the instance's policies on allowed networks and addresses: who is kept out by them gets the same answer.",
  },
  KMIP_MANAGER_HELD: {
    detail: (p) => `${manager(p)} lets this KMIP instance use its keys.`,
  },
  KMIP_MANAGER_MISSING: {
    detail: (p) =>
      `The authorization on ${manager(p)} lacks the service role VMware KMIP Manager: its keys cannot be used.`,
    remedy: () => "Create an authorization with both roles. One that has only Viewer may be deleted then.",
  },
  AUTHORIZATION_FOUND: {
    detail: (p) => `${manager(p)} authorizes this KMIP instance.`,
  },
  AUTHORIZATION_MISSING: {
    detail: (p) => `No authorization lets this KMIP instance use the instance ${p.guid}.${why(p)}`,
    remedy: (p) =>
      `Create one in IAM: source service VMware Solutions, source instance ${word(p.kmipInstance, "KMIP_INSTANCE_ID")}, target this Hyper Protect Crypto Services instance, roles Viewer and VMware KMIP Manager.`,
  },
  AUTHORIZATION_NOT_NEEDED: {
    detail: () => "An API key is used, so no authorization between services is needed.",
  },

  // ---- standardKeysAllowed
  STANDARD_KEYS_ALLOWED: { detail: () => "No instance policy forbids standard keys." },
  STANDARD_KEYS_UNKNOWN: {
    detail: (p) =>
      `Whether a policy of ${manager(p)} forbids standard keys is not known: the authorization does not let policies be read.`,
    remedy: () => "Ask a manager of the instance. KEKs are stored as standard keys.",
  },
  STANDARD_KEYS_BLOCKED: {
    detail: (p) =>
      `The key create and import access policy of ${manager(p)} forbids standard keys (${p.attributes}). KEKs are stored as standard keys.`,
    remedy: () => "Allow creating and importing standard keys in that policy.",
  },
  NETWORK_POLICY_BLOCKS: {
    detail: (p) =>
      `${manager(p)} lets in private networks only, but is called at its public endpoint ${p.endpoint}.`,
    remedy: () =>
      "Set IBM_CLOUD_ENDPOINT_TYPE to private, or let the policy on allowed networks admit public ones as well.",
  },
  ADDRESS_POLICY_ON: {
    detail: (p) =>
      `${manager(p)} lets in these addresses only: ${p.addresses}. From another address no KEK could be served.`,
    remedy: () =>
      "Keep the addresses of all endpoints, workers and consoles in the policy on allowed addresses.",
  },
  DUAL_AUTH_DELETE_ON: {
    detail: (p) =>
      `${manager(p)} asks for a second person to delete keys that are made from now on: a destroyed KEK is not served any more, but its wrapped form stays there until somebody sets it for deletion.`,
    remedy: () =>
      "Keep it if that is wanted. Otherwise switch the instance policy off; it holds for new keys only.",
  },

  // ---- crk*
  CRK_FOUND: { detail: (p) => `The root key ${p.crkName} exists (key ring ${p.keyRing}).` },
  CRK_OTHER_KEY_RING: {
    detail: (p) => `The root key ${p.crkName} is in the key ring ${p.keyRing}, not in ${p.wantedKeyRing}.`,
    remedy: () => "Choose the key ring of the root key, so that roles limited to a key ring cover both.",
  },
  CRK_NOT_FOUND: {
    detail: (p) => `There is no key ${p.crkId} in ${manager(p)}.`,
    remedy: () => "Choose a root key that exists, or create one.",
  },
  CRK_FORBIDDEN: {
    detail: (p) =>
      `${owner(p)} may not read the key ${p.crkId}; the role may be limited to another key ring.${why(p)}`,
    remedy: () => "Grant the service role Manager on the whole instance.",
  },
  CRK_IS_ROOT_KEY: { detail: () => "The key never leaves the key manager." },
  CRK_IS_STANDARD_KEY: {
    detail: (p) => `${p.crkName} is a standard key: its material can be read, and it cannot wrap.`,
    remedy: () => "Choose a root key, or create one.",
  },
  CRK_IN_DEFAULT_KEY_RING: { detail: () => "The root key is in the key ring default." },
  CRK_NOT_IN_DEFAULT_KEY_RING: {
    detail: (p) =>
      `The root key ${p.crkName} is in the key ring ${p.keyRing}. For Hyper Protect Crypto Services it must be in default.`,
    remedy: () => "Move the root key to the default key ring, or choose another.",
  },
  CRK_ACTIVE: { detail: (p) => `The root key ${p.crkName} is active.` },
  CRK_EXPIRES_SOON: {
    detail: (p) =>
      `The root key ${p.crkName} is active, but expires on ${p.expiresAt}. Afterwards it cannot wrap new KEKs.`,
    remedy: () => "Choose a root key without an expiration date for the instance.",
  },
  CRK_DISABLED: {
    detail: (p) => `The root key ${p.crkName} is disabled (suspended). No KEK under it can be used.`,
    remedy: () => "Enable the root key if that was not on purpose.",
  },
  CRK_DEACTIVATED: {
    detail: (p) =>
      `The root key ${p.crkName} is deactivated (expired): it can unwrap KEKs but not wrap new ones.`,
    remedy: () => "Choose another root key for the instance.",
  },
  CRK_DESTROYED: {
    detail: (p) => `The root key ${p.crkName} was deleted. No KEK under it can be used.`,
    remedy: () =>
      "Restore the root key within 30 days of its deletion; afterwards its KEKs are lost for good.",
  },
  CRK_PRE_ACTIVE: {
    detail: (p) => `The root key ${p.crkName} is not active yet.`,
    remedy: () => "Wait until its activation date, or choose another root key.",
  },

  // ---- wrapUnwrap
  WRAP_UNWRAP_WORKS: {
    detail: () => "A random probe was wrapped, unwrapped and found unchanged.",
  },
  WRAP_FORBIDDEN: {
    detail: (p) => `${owner(p)} may not use the root key ${p.crkName}.${why(p)}`,
    remedy: () => "Grant the service role Manager on the whole instance.",
  },
  PROBE_CHANGED: {
    detail: (p) =>
      `${p.product} unwrapped the probe to other bytes than were wrapped. Keys stored there could not be trusted.`,
    remedy: () => "Do not use this instance; ask IBM support.",
  },

  // ---- PKCS#11: module, token, pin
  TOKEN_URI_INVALID: {
    detail: () => "The address is not a PKCS#11 URI of a token.",
    remedy: () => "Choose the token again.",
  },
  MODULE_NOT_CONFIGURED: {
    detail: (p) => `PKCS11_MODULES of this deployment names no module ${p.moduleName}.`,
    remedy: (p) => `Add the module ${p.moduleName} to PKCS11_MODULES with its path, and start again.`,
  },
  PKCS11_PACKAGE_MISSING: {
    detail: () => "The package pkcs11js was not built when the packages were installed.",
    remedy: () => "Install a C++ compiler, make and Python, build the package, and start again.",
  },
  MODULE_NOT_LOADED: {
    detail: (p) => `The module ${p.moduleName} cannot be loaded.`,
    remedy: () =>
      "Check its path in PKCS11_MODULES, that this user may read it, and that it is built for this machine.",
  },
  MODULE_LOADED: { detail: (p) => `The module ${p.moduleName} is loaded.` },
  TOKEN_NOT_PRESENT: {
    detail: (p) => `The module ${p.moduleName} shows no token ${p.token}.`,
    remedy: () =>
      "Check that the HSM is connected and on, and that this user may use it; a token that was initialized anew is another token.",
  },
  TOKEN_WRITE_PROTECTED: {
    detail: (p) => `The token ${p.token} is write-protected.`,
    remedy: () => "Take the write protection off: wrapped KEKs are stored in the token.",
  },
  TOKEN_PRESENT: { detail: (p) => `The token ${p.token} is present (${p.model}).` },
  PIN_ACCEPTED: { detail: (p) => `The token ${p.token} takes the PIN.` },
  PIN_REFUSED: {
    detail: (p) => `The token ${p.token} does not take the PIN (${p.keyManagerCode}).`,
    remedy: () =>
      "Enter the PIN of the token's user. The refused one is not tried again, so that the token does not lock.",
  },
  PIN_FINAL_TRY: {
    detail: (p) => `One more wrong PIN locks the token ${p.token}, so it is not tried from here.`,
    remedy: () => "Log in once with the vendor's tool, which clears the count, then run the checks again.",
  },
  PIN_LOCKED: {
    detail: (p) => `The token ${p.token} has locked its PIN after too many wrong tries.`,
    remedy: () => "Let the token's security officer set the PIN anew, and enter it here.",
  },
  TOKEN_TIMEOUT: {
    detail: (p) => `The token ${p.token} did not answer in time.`,
    remedy: () => "Check the connection to the HSM and its load, then run the checks again.",
  },
  TOKEN_FAILURE: {
    detail: (p) => `The token ${p.token} has a failure: ${p.cause}`,
    remedy: () => "Look in the HSM's own log, then run the checks again.",
  },
  TOKEN_REFUSED: {
    detail: (p) => `The token ${p.token} refused the check: ${p.cause}`,
    remedy: () => "Look the return value up in the HSM's manual; its policy may forbid what is needed.",
  },

  // ---- PKCS#11: root key, storage
  TOKEN_KEY_FOUND: {
    detail: (p) => `The key ${p.crkName} exists (versions: ${p.versions}).`,
  },
  TOKEN_KEY_NOT_FOUND: {
    detail: (p) => `The token ${p.token} has no AES key with the label ${p.crkId}.`,
    remedy: () => "Choose a root key that exists, or create one.",
  },
  TOKEN_KEY_EXTRACTABLE: {
    detail: (p) => `The key ${p.crkName} can leave the token: it is extractable or not sensitive.`,
    remedy: () => "Choose a key that was made sensitive and not extractable, or create one.",
  },
  TOKEN_KEY_NOT_AES256: {
    detail: (p) => `The key ${p.crkName} has ${p.bits} bits. A root key is AES-256.`,
    remedy: () => "Choose an AES-256 key, or create one.",
  },
  TOKEN_KEY_SUSPENDED: {
    detail: (p) => `The key ${p.crkName} may not decrypt (CKA_DECRYPT). No KEK under it can be used.`,
    remedy: () => "Set CKA_ENCRYPT and CKA_DECRYPT of the key in the token if that was not on purpose.",
  },
  TOKEN_KEY_DECRYPTS_ONLY: {
    detail: (p) =>
      `The key ${p.crkName} may decrypt but not encrypt (CKA_ENCRYPT): KEKs are served, and no new one can be made.`,
    remedy: () => "Set CKA_ENCRYPT of the key, or rotate the root key.",
  },
  TOKEN_LACKS_GCM: {
    detail: (p) => `The token ${p.token} does not wrap with AES-GCM (${p.keyManagerCode}).`,
    remedy: () => "Allow CKM_AES_GCM with an IV of the caller in the HSM's policy, or use another token.",
  },
  TOKEN_PROBE_CHANGED: {
    detail: (p) =>
      `The token ${p.token} unwrapped the probe to other bytes than were wrapped. Keys stored there could not be trusted.`,
    remedy: () => "Do not use this token; ask its vendor.",
  },
  TOKEN_STORES_DATA: {
    detail: () => "A private data object was stored, read and deleted.",
  },
  TOKEN_SIGNS_STORED_KEYS: {
    detail: () =>
      "Wrapped KEKs are kept in this deployment's database, each beside an HMAC that the token makes and checks.",
  },
  TOKEN_LACKS_HMAC: {
    detail: (p) =>
      `The token ${p.token} makes no HMAC (${p.keyManagerCode}), which wrapped KEKs in the database need.`,
    remedy: () => "Allow CKM_SHA256_HMAC and CKM_GENERIC_SECRET_KEY_GEN in the HSM's policy.",
  },
  TOKEN_STORES_NO_DATA: {
    detail: (p) =>
      `The token ${p.token} stores no private data objects (${p.keyManagerCode}), or has no room left for them.`,
    remedy: () => "Make room in the token, or allow data objects (CKO_DATA) in the HSM's policy.",
  },
} as const satisfies { readonly [code: string]: FindingWords };

type FindingCode = keyof typeof FINDINGS;

/** Codes that can become an instance's status reason; only a reason out of these is cleared when checks pass again. */
export const FAILURE_CODES: ReadonlySet<string> = new Set(
  [RUNNER_FINDINGS, ...PROVIDERS.map(({ findings }) => findings)]
    .flatMap((findings) => Object.entries(findings))
    .filter(([, finding]) => finding.status === "fail")
    .map(([code]) => code),
);

/** The words of a code; where there are none, the code itself. */
export function wordsOf(code: string): FindingWords {
  return Object.hasOwn(FINDINGS, code) ? FINDINGS[code as FindingCode] : { detail: () => code };
}

/** A finding with its texts filled in. */
export function fillIn(
  finding: Finding,
  params: FindingParams,
): { status: CheckStatus; detail: string; remedy?: string; command?: string } {
  return {
    status: finding.status,
    detail: finding.detail(params),
    ...(finding.remedy ? { remedy: finding.remedy(params) } : {}),
    ...(finding.command ? { command: finding.command(params) } : {}),
  };
}
