import { Operation, ResultReason } from "@/lib/kmip/protocol/enumerations";
import type { AuditSeverity } from "./event";

/** How the events of a KMIP operation are named and rated. */
export type KmipAction = {
  /** `vmware-solutions.<object type>.<verb>`; the six of IBM's product keep their names. */
  readonly action: string;
  /** Severity of a success; failures are rated by their reason. */
  readonly severity: AuditSeverity;
  /** What the event's message says was done. */
  readonly phrase: string;
  /** True when one event stands for the whole request, whatever number of objects it names. */
  readonly single?: boolean;
};

const KEY = "vmware-solutions.kmip-key";
const ATTRIBUTES = "vmware-solutions.kmip-key-attributes";
const SERVICE = "vmware-solutions.kmip";

const changeAttributes: KmipAction = {
  action: `${ATTRIBUTES}.update`,
  severity: "normal",
  phrase: "update KMIP key attributes",
};

/**
 * Actions by Operation. `kmip-key.create|read|activate|revoke|destroy` and `kmip-key-attributes.retrieve` are the
 * names of IBM's own KMIP for VMware; the others follow their scheme. Routine is normal; what takes a key out of
 * service or deletes it is critical.
 */
export const KMIP_ACTIONS: ReadonlyMap<number, KmipAction> = new Map<number, KmipAction>([
  [Operation.Create, { action: `${KEY}.create`, severity: "normal", phrase: "create KMIP key" }],
  [
    Operation.CreateKeyPair,
    { action: `${KEY}-pair.create`, severity: "normal", phrase: "create KMIP key pair" },
  ],
  [Operation.Register, { action: `${KEY}.register`, severity: "normal", phrase: "register KMIP key" }],
  [Operation.Import, { action: `${KEY}.import`, severity: "normal", phrase: "import KMIP key" }],
  [Operation.Export, { action: `${KEY}.export`, severity: "warning", phrase: "export KMIP key" }],
  [Operation.ReKey, { action: `${KEY}.rekey`, severity: "normal", phrase: "rekey KMIP key" }],
  [Operation.DeriveKey, { action: `${KEY}.derive`, severity: "normal", phrase: "derive KMIP key" }],
  [Operation.Get, { action: `${KEY}.read`, severity: "normal", phrase: "read KMIP key" }],
  [Operation.Check, { action: `${KEY}.check`, severity: "normal", phrase: "check KMIP key" }],
  [
    Operation.GetAttributes,
    { action: `${ATTRIBUTES}.retrieve`, severity: "normal", phrase: "retrieve KMIP key attributes" },
  ],
  [
    Operation.GetAttributeList,
    { action: `${ATTRIBUTES}.list`, severity: "normal", phrase: "list KMIP key attributes" },
  ],
  [Operation.AddAttribute, changeAttributes],
  [Operation.ModifyAttribute, changeAttributes],
  [Operation.DeleteAttribute, changeAttributes],
  [Operation.SetAttribute, changeAttributes],
  [Operation.AdjustAttribute, changeAttributes],
  [Operation.Locate, { action: `${KEY}.list`, severity: "normal", phrase: "locate KMIP keys", single: true }],
  [Operation.Activate, { action: `${KEY}.activate`, severity: "normal", phrase: "activate KMIP key" }],
  [Operation.Revoke, { action: `${KEY}.revoke`, severity: "critical", phrase: "revoke KMIP key" }],
  [Operation.Destroy, { action: `${KEY}.destroy`, severity: "critical", phrase: "destroy KMIP key" }],
  [Operation.Archive, { action: `${KEY}.archive`, severity: "warning", phrase: "archive KMIP key" }],
  [Operation.Recover, { action: `${KEY}.recover`, severity: "warning", phrase: "recover KMIP key" }],
  [Operation.Encrypt, { action: `${KEY}.encrypt`, severity: "normal", phrase: "encrypt with KMIP key" }],
  [Operation.Decrypt, { action: `${KEY}.decrypt`, severity: "normal", phrase: "decrypt with KMIP key" }],
  [Operation.Sign, { action: `${KEY}.sign`, severity: "normal", phrase: "sign with KMIP key" }],
  [
    Operation.SignatureVerify,
    { action: `${KEY}.signature-verify`, severity: "normal", phrase: "verify signature with KMIP key" },
  ],
  [Operation.MAC, { action: `${KEY}.mac`, severity: "normal", phrase: "compute MAC with KMIP key" }],
  [
    Operation.MACVerify,
    { action: `${KEY}.mac-verify`, severity: "normal", phrase: "verify MAC with KMIP key" },
  ],
  [Operation.ObtainLease, { action: `${KEY}.lease`, severity: "normal", phrase: "obtain lease of KMIP key" }],
  [
    Operation.GetUsageAllocation,
    { action: `${KEY}.allocate`, severity: "normal", phrase: "allocate usage of KMIP key" },
  ],
  [Operation.Hash, { action: `${SERVICE}.hash`, severity: "normal", phrase: "hash data", single: true }],
  [
    Operation.RNGRetrieve,
    { action: `${SERVICE}.random`, severity: "normal", phrase: "retrieve random numbers", single: true },
  ],
  [
    Operation.RNGSeed,
    { action: `${SERVICE}.seed`, severity: "normal", phrase: "seed random numbers", single: true },
  ],
  [
    Operation.Query,
    { action: `${SERVICE}.query`, severity: "normal", phrase: "query KMIP service", single: true },
  ],
  [
    Operation.Ping,
    { action: `${SERVICE}.ping`, severity: "normal", phrase: "ping KMIP service", single: true },
  ],
  [
    Operation.Log,
    { action: `${SERVICE}.log`, severity: "normal", phrase: "log message of KMIP client", single: true },
  ],
  [
    Operation.DiscoverVersions,
    { action: `${SERVICE}.discover`, severity: "normal", phrase: "discover KMIP versions", single: true },
  ],
]);

/** Messages that could not be parsed, and operations that have no name above. */
export const KMIP_DEFAULT_ACTION: KmipAction = {
  action: `${SERVICE}.default`,
  severity: "normal",
  phrase: "handle KMIP request",
};

/** HTTP status and phrase that events give for a Result Reason, as IBM's events do for every kind of failure. */
type Reason = { readonly code: number; readonly type: string };

const BAD_REQUEST: Reason = { code: 400, type: "Bad Request" };
const NOT_FOUND: Reason = { code: 404, type: "Not Found" };
const FORBIDDEN: Reason = { code: 403, type: "Forbidden" };
const UNAUTHORIZED: Reason = { code: 401, type: "Unauthorized" };
const CONFLICT: Reason = { code: 409, type: "Conflict" };
const NOT_IMPLEMENTED: Reason = { code: 501, type: "Not Implemented" };
const TOO_LARGE: Reason = { code: 413, type: "Content Too Large" };
const SERVER_ERROR: Reason = { code: 500, type: "Internal Server Error" };
const UNAVAILABLE: Reason = { code: 503, type: "Service Unavailable" };

const REASONS: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [ResultReason.ItemNotFound, NOT_FOUND],
  [ResultReason.ObjectNotFound, NOT_FOUND],
  [ResultReason.AttributeNotFound, NOT_FOUND],
  [ResultReason.AttributeInstanceNotFound, NOT_FOUND],
  [ResultReason.WrappingObjectNotFound, NOT_FOUND],
  [ResultReason.ResponseTooLarge, TOO_LARGE],
  [ResultReason.ServerLimitExceeded, TOO_LARGE],
  [ResultReason.AuthenticationNotSuccessful, UNAUTHORIZED],
  [ResultReason.AttestationRequired, UNAUTHORIZED],
  [ResultReason.BadPassword, UNAUTHORIZED],
  [ResultReason.PermissionDenied, FORBIDDEN],
  [ResultReason.IncompatibleCryptographicUsageMask, FORBIDDEN],
  [ResultReason.ReadOnlyAttribute, FORBIDDEN],
  [ResultReason.AttributeReadOnly, FORBIDDEN],
  [ResultReason.NotAuthorised, FORBIDDEN],
  [ResultReason.AttestationFailed, FORBIDDEN],
  [ResultReason.Sensitive, FORBIDDEN],
  [ResultReason.NotExtractable, FORBIDDEN],
  [ResultReason.OperationNotSupported, NOT_IMPLEMENTED],
  [ResultReason.FeatureNotSupported, NOT_IMPLEMENTED],
  [ResultReason.IllegalOperation, CONFLICT],
  [ResultReason.ObjectArchived, CONFLICT],
  [ResultReason.ObjectDestroyed, CONFLICT],
  [ResultReason.WrappingObjectArchived, CONFLICT],
  [ResultReason.WrappingObjectDestroyed, CONFLICT],
  [ResultReason.ObjectAlreadyExists, CONFLICT],
  [ResultReason.KeyValueNotPresent, CONFLICT],
  [ResultReason.WrongKeyLifecycleState, CONFLICT],
  [ResultReason.NonUniqueNameAttribute, CONFLICT],
  [ResultReason.OperationCanceledByRequester, CONFLICT],
  [ResultReason.UsageLimitExceeded, FORBIDDEN],
  [ResultReason.CryptographicFailure, SERVER_ERROR],
  [ResultReason.InternalServerError, SERVER_ERROR],
  [ResultReason.GeneralFailure, SERVER_ERROR],
  [ResultReason.ProtectionStorageUnavailable, UNAVAILABLE],
  [ResultReason.PrivateProtectionStorageUnavailable, UNAVAILABLE],
  [ResultReason.PublicProtectionStorageUnavailable, UNAVAILABLE],
]);

/** The reason of an event for an operation that was undone with its batch. */
export const UNDONE: Reason = CONFLICT;

/** The reason of an event for a Result Reason; what has no entry is a request that does not fit. */
export function reasonOf(resultReason: number | undefined): Reason {
  return resultReason === undefined ? SERVER_ERROR : (REASONS.get(resultReason) ?? BAD_REQUEST);
}

/** Severity of a failure by its status: refused and unavailable are critical, the others a warning. */
export function failureSeverity(status: number): AuditSeverity {
  return status === 401 || status === 403 || status === 503 || status === 507 ? "critical" : "warning";
}

/** Actions are few, and every operation asks. */
const targetTypes = new Map<string, string>();

/** CADF type of an action's target: `vmware-solutions/kmip-key`, `vmware-solutions/kmip-key/attributes`. */
export function targetTypeOf(action: string): string {
  let type = targetTypes.get(action);

  if (type === undefined) {
    const [service = "", objectType = ""] = action.split(".");

    type = `${service}/${objectType.replace(/-attributes$/, "/attributes")}`;
    targetTypes.set(action, type);
  }

  return type;
}
