/** Why a key manager refuses or fails, in words, by its own code. */
export type KeyManagerCause = { readonly cause: string; readonly remedy: string };

/**
 * Every error code that Key Protect and HPCS document ("Error messages"), and those of this house and of IAM that come
 * up in their place. The console has the same words in its languages (`errors.keyManager` of the messages).
 */
export const KEY_MANAGER_CAUSES = {
  BAD_BODY_ERR: {
    cause: "The key manager could not read the request: console and key manager differ in version.",
    remedy: "Update KMIP Console; if it is the latest, report the code and the correlation id.",
  },
  NO_BODY_ERR: {
    cause: "The request reached the key manager without its content; something between them removed it.",
    remedy: "Check proxies and gateways between this machine and the key manager.",
  },
  INVALID_FIELD_ERR: {
    cause:
      "The key manager does not accept a value: a name, a size or an identifier is outside of what it takes.",
    remedy: "Check the name and the size of the key. A wrapped key has 7,500 bytes at most.",
  },
  INVALID_QUERY_PARAM_ERR: {
    cause: "The key manager does not accept a search or page value.",
    remedy:
      "Change the search text. An instance with more than 5,000 keys cannot be searched: use the key's identifier or alias.",
  },
  COLLECTION_TOTAL_MISMATCH_ERR: {
    cause:
      "The key manager counted other contents than the request says: the request was damaged on its way.",
    remedy: "Check proxies and gateways between this machine and the key manager.",
  },
  NUM_COLLECTION_RESOURCE_ERR: {
    cause: "The key manager expected another number of items in the request.",
    remedy: "Update KMIP Console; if it is the latest, report the code and the correlation id.",
  },
  BODY_QUERY_PARAM_MISMATCH_ERR: {
    cause: "The content of the request and its address speak of different things.",
    remedy: "Update KMIP Console; if it is the latest, report the code and the correlation id.",
  },
  BEARER_SUB_EXTRACTION_ERR: {
    cause: "The key manager could not read from the token who asks.",
    remedy: "Check that IAM and the key manager belong to the same cloud (IBM_CLOUD_IAM_URL).",
  },
  KEY_ROOT_REQ_ERR: {
    cause: "The key is a standard key. Only a root key wraps other keys.",
    remedy: "Choose a root key for the instance.",
  },
  KEY_PAYLOAD_REQ_ERR: {
    cause: "The root key was imported: a rotation needs new key material, which only its owner has.",
    remedy: "Rotate the root key in the key manager with new material.",
  },
  KEY_EXPIRED_ERR: {
    cause: "The key has expired. It unwraps what it wrapped, and wraps nothing new.",
    remedy: "Choose a root key without an expiration date for the instance.",
  },
  KEY_RESTORE_EXPIRED: {
    cause: "The 30 days in which the deleted key could be restored are over.",
    remedy: "The key cannot be brought back. What was wrapped by it is lost.",
  },
  KEY_IMPT_REQ_ERR: {
    cause: "The key was not imported, so it takes no key material from outside.",
    remedy: "Rotate it without key material.",
  },
  INCORRECT_NONCE_ERR: {
    cause: "The nonce of the import token does not fit.",
    remedy: "Fetch a new import token and encrypt the nonce again.",
  },
  INCORRECT_NONCE_IV_ERR: {
    cause: "The nonce of the import token and its initialization vector do not fit together.",
    remedy: "Fetch a new import token and encrypt the nonce again.",
  },
  UNAUTHORIZED_ERR: {
    cause:
      "The service ID has no access to this key or instance, or a network rule of the instance keeps this machine out.",
    remedy:
      "Grant the platform role Viewer and the service role Manager on the instance, and check its policies for allowed networks and addresses.",
  },
  SERVICE_ONLY_ERR: {
    cause: "The key manager lets only services of IBM Cloud do this.",
    remedy: "Nothing that the console needs; report the code and the correlation id.",
  },
  FEATURE_RESTRICTED_ERR: {
    cause: "The plan or the region of the key manager instance does not have this function.",
    remedy: "Use an instance of a plan and region that has it.",
  },
  RESOURCE_OWNER_ERR: {
    cause: "The key belongs to a service of IBM Cloud, which alone may change it.",
    remedy: "Choose a key of your own.",
  },
  CONFIG_RULE_CONFLICT_ERR: {
    cause: "A configuration rule of the IBM Cloud account forbids this.",
    remedy:
      "Ask the administrator of the account to look at the rules of the Security and Compliance Center.",
  },
  KEY_NOT_FOUND_ERR: {
    cause: "There is no such key in the key manager instance, or not in this key ring.",
    remedy: "Check the identifier, the key ring and the instance.",
  },
  KEY_ACTION_INVALID_STATE_ERR: {
    cause: "The state of the key does not allow this: it is disabled, expired or not active yet.",
    remedy: "Enable the key in the key manager if it was not disabled on purpose.",
  },
  PROTECTED_RESOURCE_ERR: {
    cause: "Other cloud resources are registered with the key, so the key manager does not delete it.",
    remedy: "See the key's registrations in IBM Cloud. Free those resources first.",
  },
  PREV_KEY_DEL_ERR: {
    cause: "A registered cloud resource has a retention policy that forbids deleting the key.",
    remedy: "Wait for the end of the retention, or change its policy. Force does not help.",
  },
  AUTHORIZATIONS_NOT_MET: {
    cause: "The key has dual authorization: a second person must authorise its deletion in the key manager.",
    remedy: "Have somebody else set the key for deletion in IBM Cloud. The deletion then goes on by itself.",
  },
  NOT_DUAL_AUTH_ERR: {
    cause: "The key has no dual authorization policy, so it cannot be set for deletion.",
    remedy: "Delete the key directly.",
  },
  KEY_ROTATION_NOT_PERMITTED: {
    cause: "The root key was rotated within the last hour.",
    remedy: "Wait an hour after the last rotation.",
  },
  KEY_CREATE_IMPORT_ACCESS_ERR: {
    cause: "A policy of the key manager instance forbids to create or import such keys.",
    remedy: "Allow creating and importing standard keys in the key create and import access policy.",
  },
  REQ_TOO_EARLY_ERR: {
    cause: "The key was changed a moment ago, and the key manager asks to wait.",
    remedy:
      "Try again in a minute; a key can be enabled or restored 30 seconds after it was disabled or deleted.",
  },
  IMPORT_TOKEN_EXPIRED_ERR: {
    cause: "The import token has expired.",
    remedy: "Fetch a new import token.",
  },
  KEY_DELETED_ERR: {
    cause: "The key was deleted in the key manager.",
    remedy: "A root key can be restored within 30 days of its deletion; afterwards what it wrapped is lost.",
  },
  UNPROCESSABLE_CIPHERTEXT_ERR: {
    cause:
      "The key manager cannot unwrap this: it was wrapped under another root key, for another key, or was damaged.",
    remedy: "Check that the instance uses the root key under which its keys were wrapped.",
  },
  KEY_INVALID_STATE_ERR: {
    cause: "The state of the key does not allow this.",
    remedy: "Look at the key's state in the key manager.",
  },
  KEY_ROOT_REQ_REG_ERR: {
    cause: "Only root keys have registrations, and this is a standard key.",
    remedy: "Choose a root key.",
  },
  KEY_VERSION_INVALID: {
    cause: "The version of the root key that wrapped this does not exist any more, or is not its own.",
    remedy: "Check that the instance uses the root key under which its keys were wrapped.",
  },
  INVALID_SIG_EXP_ERR: {
    cause: "The signature of the request has expired: the clocks differ.",
    remedy: "Set the clock of this machine (NTP).",
  },
  INCOMPLETE_METADATA_ERR: {
    cause: "The key manager has lost a part of the key's description.",
    remedy: "Ask IBM support, with the correlation id.",
  },
  CKR_IBM_WK_NOT_INITIALIZED: {
    cause: "The HPCS instance has no master key yet.",
    remedy: "Initialize the instance: load its master key into the crypto units.",
  },
  CIRCUIT_OPEN: {
    cause: "The key manager was out several times in a row, so it is left alone for a few seconds.",
    remedy: "Nothing to do: it is asked again by itself.",
  },
  MALFORMED_RESPONSE: {
    cause: "Something else than the key manager seems to answer at its address.",
    remedy:
      "Check proxies and sign-in pages between this machine and the key manager, and the endpoint's address.",
  },
  BXNIM0415E: {
    cause: "IAM does not know the API key: it is mistyped or was deleted.",
    remedy: "Create a new API key for the service ID and enter it here.",
  },
} as const satisfies { readonly [code: string]: KeyManagerCause };

/** The cause of a code, or null for one that is not documented. */
export function causeOf(code: string | null): KeyManagerCause | null {
  return code !== null && Object.hasOwn(KEY_MANAGER_CAUSES, code)
    ? KEY_MANAGER_CAUSES[code as keyof typeof KEY_MANAGER_CAUSES]
    : null;
}
