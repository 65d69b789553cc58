import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { Secret } from "@/lib/ibm-cloud/secret";
import type { CheckOutcome, Findings } from "./checks/run-checks";
import type { CallContext, KeyManager, KeyManagerFailure } from "./key-manager";
import type { WrappedKeyStore } from "./wrapped-key-store";

/** What providers use of the deployment; each takes what it needs. */
export type ProviderContext = {
  readonly cloud: IbmCloud;
  readonly wrappedKeys: WrappedKeyStore;
};

/** With what a key manager is entered. */
export type Credential =
  /** What a person gave, as the provider's CredentialForm describes it. */
  | { readonly secret: Secret }
  /** Nothing: the key manager has authorized the KMIP instance of this id. */
  | { readonly authorizedFor: string };

/** What a person gives, and how it is called: the API key of a service ID, or the PIN of a token. */
export type CredentialType = "apiKey" | "pin";

/** A field that a person fills in. */
export type CredentialField = {
  /** Its name in requests. */
  readonly name: "apiKey";
  readonly secret: boolean;
  readonly minLength: number;
  readonly maxLength: number;
};

/** The one field of a credential that is a single secret. */
export function secretField(minLength: number): CredentialField {
  return { name: "apiKey", secret: true, minLength, maxLength: 512 };
}

type CredentialForm = {
  readonly type: CredentialType;
  readonly fields: readonly CredentialField[];
  /** False where key managers are found without it. */
  readonly toDiscover: boolean;
};

/** For key managers that can authorize a KMIP instance in the place of a credential. */
type Authorization = {
  /** True where this deployment has what it takes. */
  available(): boolean;
  /** Changes when the deployment's part of it does. @throws ProviderError `notAvailable` */
  fingerprint(): string;
};

export type DiscoveredKeyManager = {
  /** Address of the key manager instance: a CRN, a PKCS#11 URI … */
  readonly crn: string;
  /** What tells it from others of its kind. */
  readonly guid: string;
  readonly name: string;
  /** Empty for what is in no region. */
  readonly region: string;
  readonly endpoints: { readonly public: string | null; readonly private: string | null };
};

/**
 * `IN_USE`: it has a KMIP instance already, and can have one only. `NOT_AUTHORIZED`: the deployment sees it, and it does
 * not authorize the KMIP instance.
 */
export type NotOfferedReason = "NO_ROOT_KEY" | "FORBIDDEN" | "UNAVAILABLE" | "IN_USE" | "NOT_AUTHORIZED";

export type Discovery = {
  /** Null when the API key is a user's, and where there is none. */
  readonly serviceId: string | null;
  readonly serviceIdName: string | null;
  readonly keyManagers: DiscoveredKeyManager[];
  /** Without a credential: how those that do not authorize the KMIP instance come to do so. */
  readonly authorizationCommands: string[];
  /** Those that are seen and cannot be used, and why. */
  readonly notOffered: {
    readonly crn: string;
    readonly guid: string;
    readonly name: string;
    readonly reason: NotOfferedReason;
  }[];
};

/** A discovery without a service ID, of which nothing that was seen is held back unless it is said. */
export function discoveryOf(found: Pick<Discovery, "keyManagers"> & Partial<Discovery>): Discovery {
  return { serviceId: null, serviceIdName: null, authorizationCommands: [], notOffered: [], ...found };
}

export type DiscoverRequest = {
  /** Null where none is needed to discover; `authorizedFor` is null before the KMIP instance is ordered. */
  readonly credential: Credential | { readonly authorizedFor: string | null } | null;
  /** Only those of this region. */
  readonly region?: string | undefined;
  /** Which of these have a KMIP instance and can have one only. */
  readonly taken: (guids: readonly string[]) => Promise<ReadonlySet<string>>;
};

/** A key manager instance that a person chose, before anything is ordered. */
export type KeyManagerChoice = {
  readonly credential: Credential;
  readonly keyManagerCrn: string;
  /** Base URL that the person gave; with a secret only. */
  readonly endpoint?: string | undefined;
};

/** The key manager instance of a KMIP instance. */
type KeyManagerConnection = {
  readonly credential: Credential;
  readonly guid: string;
  /** Its address in use: a base URL, or whatever the checks told (`facts.keyManager.endpoint`). */
  readonly endpoint: string;
  /** Key ring for new standard keys; null = the key manager's default. */
  readonly keyRing: string | null;
};

/** A key manager instance that a person chose, and the address at which it is asked. */
export type ChosenKeyManager = { readonly keyManager: KeyManager; readonly endpoint: string };

type OpenedConnection = {
  readonly keyManager: KeyManager;
  /** The next call proves anew that the credential is good. */
  renew(): void;
};

export type CheckInput = {
  readonly credential: Credential;
  readonly keyManagerCrn: string;
  readonly crkId: string;
  /** The key ring chosen for the instance, if one was. */
  readonly keyRing: string | null;
  /** Last known address, for when nobody tells. */
  readonly endpoint: string | null;
  /** Base URL that a person gave; it is used whatever anybody tells. */
  readonly givenEndpoint: string | null;
  readonly call: CallContext;
  /** False for checks that run by themselves: a secret that was refused, and may lock, is not tried again. */
  readonly mayTrySecret: boolean;
  /** Told of errors that no check expects (a bug). */
  readonly onError?: ((error: unknown) => void) | undefined;
};

/** Why a deployment cannot use a provider. */
type Unavailable = { readonly code: string; readonly detail: string };

/**
 * A kind of key manager. Everything that is true of one kind alone stands in its folder; the rest of the house asks
 * these members and never compares kinds.
 */
export type Provider = {
  /** Stands in the database and in the API: it never changes. */
  readonly kind: string;
  /** The maker's name for it. */
  readonly title: string;
  readonly credential: CredentialForm;
  readonly authorization?: Authorization;
  /** True where a KMIP instance has endpoints of its own. */
  readonly dedicatedEndpoint: boolean;
  /** True where a key manager instance has one KMIP instance, in the whole deployment. */
  readonly oneInstanceEach: boolean;
  /** The only key ring that root keys of KMIP may be in; absent = any. */
  readonly onlyKeyRing?: string;
  /** What a person can choose: a key ring, a base URL, a region. */
  readonly choices: { readonly keyRing: boolean; readonly endpoint: boolean; readonly region: boolean };
  /** When its maker ends it, and the kind that follows. */
  readonly deprecation?: { readonly endsAt: Date; readonly successor: string | null };
  /** Everything that its checks can find, beside what checks of all kinds do. */
  readonly findings: Findings;
  /** Its own codes of failures, and what they mean to people where the usual texts are not true. */
  readonly failures?: {
    readonly codes: RegExp;
    readonly texts: { readonly [failure in KeyManagerFailure]?: string };
  };
  /** Null where this deployment can use it. */
  unavailable(): Unavailable | null;
  /** GUID of the key manager instance at an address; asks nobody. @throws ProviderError for what can be no choice */
  guidOf(keyManagerCrn: string): string;
  /** Key manager instances to choose from, by name. @throws ProviderError, KeyManagerError, IbmCloudError */
  discover(context: ProviderContext, request: DiscoverRequest, call: CallContext): Promise<Discovery>;
  /** The chosen key manager instance, for its root keys. @throws ProviderError, KeyManagerError, IbmCloudError */
  connect(context: ProviderContext, choice: KeyManagerChoice, call: CallContext): Promise<ChosenKeyManager>;
  /** The key manager of a KMIP instance; asks nothing of it yet. @throws ProviderError, KeyManagerError */
  open(context: ProviderContext, connection: KeyManagerConnection): OpenedConnection;
  /**
   * Checks what a KMIP instance needs, each point by what is answered. Nothing is stored. What is missing is a finding,
   * not an error.
   */
  checks(context: ProviderContext, input: CheckInput): Promise<CheckOutcome>;
};

export type ProviderField = "kind" | "apiKey" | "keyManagerCrn" | "endpoint";

/** What keeps a provider from working with what it was given. Its message is shown to people. */
export class ProviderError extends Error {
  /** `invalid`: a value of the caller's, see `field`; `notAvailable`: the deployment lacks what it takes. */
  readonly reason: "invalid" | "notAvailable";
  readonly field: { readonly name: ProviderField; readonly code: string; readonly reason: string } | null;

  constructor(
    reason: "invalid" | "notAvailable",
    message: string,
    details: { field?: ProviderError["field"]; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "ProviderError";
    this.reason = reason;
    this.field = details.field ?? null;
  }
}

/** The error for an address that is none of a provider's key managers. */
export function invalidAddress(message: string, code: string, reason: string): ProviderError {
  return new ProviderError("invalid", message, { field: { name: "keyManagerCrn", code, reason } });
}

/** The secret of a credential. @throws Error for one that has none, which a provider without `authorization` never gets */
export function secretOf(credential: DiscoverRequest["credential"]): Secret {
  if (credential !== null && "secret" in credential) {
    return credential.secret;
  }

  throw new Error("This key manager is entered with a secret.");
}
