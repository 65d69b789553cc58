import { type Trouble, troubleStatus } from "../http/app";
import { ResponseError, type SandboxResponse } from "../http/types";

/**
 * Reason codes of Key Protect with their status and what they say. The codes and statuses are IBM's ("Error
 * messages" in the Key Protect documentation); those marked "own" have none documented.
 */
const reasons = {
  BAD_BODY_ERR: [400, "The body is not valid."],
  NO_BODY_ERR: [400, "The request needs a body."],
  INVALID_FIELD_ERR: [400, "A field is not valid."],
  INVALID_QUERY_PARAM_ERR: [400, "A query parameter is not valid."],
  COLLECTION_TOTAL_MISMATCH_ERR: [400, "Collection total does not match number of resources."],
  NUM_COLLECTION_RESOURCE_ERR: [400, "Exactly one resource is allowed here."],
  BODY_QUERY_PARAM_MISMATCH_ERR: [400, "Body and query parameter name different policies."],
  BEARER_SUB_EXTRACTION_ERR: [400, "The subject could not be read from the bearer token."],
  KEY_ROOT_REQ_ERR: [400, "This action needs a root key."],
  KEY_PAYLOAD_REQ_ERR: [400, "The key was imported: its rotation needs new key material."],
  KEY_EXPIRED_ERR: [400, "The key has expired."],
  KEY_RESTORE_EXPIRED: [400, "The time in which the key could be restored is over."],
  INCORRECT_NONCE_ERR: [400, "The encrypted nonce is not that of the import token under the key material."],
  INCORRECT_NONCE_IV_ERR: [400, "The initialization vector of the encrypted nonce is not valid."],
  SERVICE_ONLY_ERR: [403, "Only a service of the cloud may do this."],
  KEY_NOT_FOUND_ERR: [404, "Key does not exist."],
  /** Own. */
  IMPORT_TOKEN_NOT_FOUND_ERR: [404, "The instance has no import token."],
  /** Own. */
  KEY_RING_NOT_FOUND_ERR: [404, "Key ring does not exist."],
  /** Own. */
  KMIP_ADAPTER_NOT_FOUND_ERR: [404, "KMIP adapter does not exist."],
  /** Own. */
  KMIP_CERTIFICATE_NOT_FOUND_ERR: [404, "KMIP client certificate does not exist."],
  /** Own. */
  KMIP_OBJECT_NOT_FOUND_ERR: [404, "KMIP object does not exist."],
  /** Own. */
  ALIAS_NOT_FOUND_ERR: [404, "The key has no such alias."],
  KEY_ACTION_INVALID_STATE_ERR: [409, "The state of the key does not allow this action."],
  PROTECTED_RESOURCE_ERR: [409, "The key protects resources; delete it with force, or free them first."],
  PREV_KEY_DEL_ERR: [409, "The key protects a resource whose retention policy forbids the deletion."],
  AUTHORIZATIONS_NOT_MET: [409, "The deletion needs the authorization of a second person."],
  NOT_DUAL_AUTH_ERR: [409, "The key has no dual authorization policy."],
  KEY_ROTATION_NOT_PERMITTED: [409, "The key was rotated within the last hour."],
  KEY_CREATE_IMPORT_ACCESS_ERR: [409, "A policy of the instance forbids to create or import such keys."],
  IMPORT_TOKEN_EXPIRED_ERR: [409, "The import token has expired or was retrieved as often as is allowed."],
  REQ_TOO_EARLY_ERR: [409, "The key was changed a moment ago; try again later."],
  /** Own. */
  KEY_ALIAS_NOT_UNIQUE_ERR: [409, "Another key of the instance has this alias."],
  /** Own. */
  KMIP_NAME_NOT_UNIQUE_ERR: [409, "The name is taken."],
  /** Own. */
  KMIP_CERTIFICATE_NOT_UNIQUE_ERR: [409, "The certificate is in use in this region."],
  /** Own. */
  LIMIT_EXCEEDED_ERR: [409, "The limit of the instance or key is reached."],
  /** Own. */
  KEY_RING_NOT_EMPTY_ERR: [409, "The key ring has keys."],
  /** Own. */
  KEY_RING_ALREADY_EXISTS_ERR: [409, "There is a key ring of this name."],
  KEY_DELETED_ERR: [410, "The key was deleted."],
  UNPROCESSABLE_CIPHERTEXT_ERR: [422, "The ciphertext does not open: it, the key or the AAD is another."],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type KmsErrorCode = keyof typeof reasons;

const phrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  410: "Gone",
  413: "Payload Too Large",
  422: "Unprocessable Entity",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

const ERROR_COLLECTION = { collectionType: "application/vnd.ibm.kms.error+json", collectionTotal: 1 };

export interface KmsErrorDetails {
  /** What failed, for people: "Key could not be created". */
  what?: string;
  /** In place of the code's own message. */
  message?: string;
  /** The field or header that is wrong; INVALID_FIELD_ERR only. */
  target?: { type: "field" | "header"; name: string };
}

/** A refusal of Key Protect with its reason. */
export function kmsError(code: KmsErrorCode, details: KmsErrorDetails = {}): ResponseError {
  const [status, defaultMessage] = reasons[code];
  const { what = "Action could not be performed", message = defaultMessage, target } = details;

  return new ResponseError(code, withReason(status, { code, what, message, target }));
}

function withReason(
  status: number,
  {
    code,
    what,
    message,
    target,
  }: { code: string; what: string; message: string } & Pick<KmsErrorDetails, "target">,
): SandboxResponse {
  return {
    status,
    body: {
      metadata: ERROR_COLLECTION,
      resources: [
        {
          errorMsg: `${phrases[status] ?? "Error"}: ${what}: Please see \`reasons\` for more details (${code})`,
          reasons: [
            {
              code,
              message,
              status,
              moreInfo: "https://cloud.ibm.com/apidocs/key-protect",
              ...(target ? { target } : {}),
            },
          ],
        },
      ],
    },
  };
}

/** A refusal that no handler gives. What a real service says with 429 and 5xx is not documented. */
export function kmsFault(status: number, code?: string): SandboxResponse {
  const message = "The request could not be handled";

  return code === undefined
    ? withoutReasons(status, message)
    : withReason(status, { code, what: message, message: `${message}.` });
}

/** An INVALID_FIELD_ERR for one field of the body. */
export function invalidField(name: string, message: string, what?: string): ResponseError {
  return kmsError("INVALID_FIELD_ERR", {
    message,
    target: { type: "field", name },
    ...(what === undefined ? {} : { what }),
  });
}

function withoutReasons(status: number, message: string): SandboxResponse {
  return {
    status,
    body: {
      metadata: ERROR_COLLECTION,
      resources: [{ errorMsg: `${phrases[status] ?? "Error"}: ${message}` }],
    },
  };
}

/**
 * The refusal for lack of access, and for a token that is absent, expired or not valid: always 401, never 403,
 * and without reasons.
 */
export function unauthorized(): ResponseError {
  return new ResponseError(
    "unauthorized",
    withoutReasons(401, "The user does not have access to the specified resource"),
  );
}

const troubleMessages: Record<Trouble, string> = {
  "not-found": "There is nothing at this path",
  "method-not-allowed": "This path does not support this method",
  "too-large": "The body is too large",
  internal: "The service failed",
};

/** The answer of a key manager when a request does not reach a handler or a handler breaks. */
export function kmsTrouble(trouble: Trouble): SandboxResponse {
  return withoutReasons(troubleStatus[trouble], troubleMessages[trouble]);
}
