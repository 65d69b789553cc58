import { env } from "@/lib/env";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { expectedOfKeyManager, probeWrap } from "../checks/probe";
import {
  type Check,
  type CheckOutcome,
  noFacts,
  type Params,
  runChecks,
  type Verdict,
} from "../checks/run-checks";
import type { KeyManagerError } from "../key-manager";
import { type CheckInput, type ProviderContext, secretOf } from "../provider";
import type { WrappedKeyStore } from "../wrapped-key-store";
import { createPkcs11, type Pkcs11 } from "./adapter";
import { TOKEN_FINDINGS, type TokenCode } from "./findings";
import type { TokenKeyMetadata } from "./token";
import { listModuleTokens } from "./token-processes";
import type { TokenDescription } from "./token-session";
import { formatToken, formatTokenUri, parseTokenUri } from "./uri";

type TokenVerdict = Verdict<TokenCode>;

const PRODUCT = "The token";

/**
 * Checks what an instance needs of its HSM token, each point by what the token answers: that its module is configured and
 * loads, that the token is there, that it takes the PIN, that the root key never leaves it, that it wraps and unwraps a
 * random probe, and that it stores data. Nothing stays in the token, but for the HMAC key where it stores no data.
 */
export async function checkToken(context: ProviderContext, input: CheckInput): Promise<CheckOutcome> {
  const run = new TokenRun(input, context.wrappedKeys);
  const results = await runChecks({
    checks: run.checks(),
    findings: TOKEN_FINDINGS,
    params: () => run.params(),
    onError: input.onError,
  });

  return { results, facts: run.facts };
}

/** One run: what the checks learn from each other is kept in its fields. */
class TokenRun {
  readonly facts = noFacts();
  readonly #input: CheckInput;
  readonly #pin: Secret;
  readonly #store: WrappedKeyStore;
  #tokens: TokenDescription[] = [];
  #keyManager: Pkcs11 | null = null;
  #crk: TokenKeyMetadata | null = null;

  constructor(input: CheckInput, store: WrappedKeyStore) {
    this.#input = input;
    this.#pin = secretOf(input.credential);
    this.#store = store;
  }

  /** In the order of the report. */
  checks(): Check<TokenCode>[] {
    return [
      { id: "module", run: () => this.#checkModule() },
      { id: "token", needs: ["module"], run: () => this.#checkToken() },
      { id: "pin", needs: ["token"], run: () => this.#checkPin() },
      { id: "crkFound", needs: ["pin"], run: () => this.#checkCrkFound() },
      { id: "crkIsRootKey", needs: ["crkFound"], run: async () => this.#judgeKind() },
      { id: "crkActive", needs: ["crkFound", "crkIsRootKey"], run: async () => this.#judgeState() },
      { id: "wrapUnwrap", needs: ["crkIsRootKey", "crkActive"], run: () => this.#checkWrapUnwrap() },
      { id: "storage", needs: ["pin"], run: () => this.#checkStorage() },
    ];
  }

  /** Values for the words, as far as they are known at the time. */
  params(): Params {
    const address = parseTokenUri(this.#input.keyManagerCrn);

    return {
      product: PRODUCT,
      moduleName: address?.module ?? "",
      token: address?.label || address?.serial || "",
      keyManagerName: address?.label || address?.serial || "",
      crkId: this.#input.crkId,
      crkName: this.#crk?.name ?? this.#input.crkId,
    };
  }

  async #checkModule(): Promise<TokenVerdict> {
    const address = parseTokenUri(this.#input.keyManagerCrn);

    if (address === null) {
      return { code: "TOKEN_URI_INVALID" };
    }

    const module = env().PKCS11_MODULES.find(({ name }) => name === address.module);

    if (module === undefined) {
      return { code: "MODULE_NOT_CONFIGURED" };
    }

    try {
      this.#tokens = await listModuleTokens(module, this.#input.call);

      return { code: "MODULE_LOADED" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      switch (failure.code) {
        case "NOT_AVAILABLE":
          return { code: "PKCS11_PACKAGE_MISSING" };
        case "MODULE_NOT_LOADED":
          return { code: "MODULE_NOT_LOADED" };
        default:
          return tokenTrouble(failure);
      }
    }
  }

  async #checkToken(): Promise<TokenVerdict> {
    const uri = this.#input.keyManagerCrn;
    const address = parseTokenUri(uri);
    const token = this.#tokens.find(
      ({ label, serial }) => label === address?.label && serial === address.serial,
    );

    if (token === undefined) {
      return { code: "TOKEN_NOT_PRESENT" };
    }

    if (!token.writable) {
      return { code: "TOKEN_WRITE_PROTECTED" };
    }

    this.facts.keyManager = {
      crn: uri,
      guid: token.serial,
      name: token.label === "" ? token.serial : token.label,
      region: "",
      endpoint: this.#recorded() ?? uri,
    };

    return { code: "TOKEN_PRESENT", params: { model: `${token.manufacturer} ${token.model}`.trim() } };
  }

  async #checkPin(): Promise<TokenVerdict> {
    this.#keyManager = createPkcs11({
      uri: this.#input.keyManagerCrn,
      pin: this.#pin,
      store: this.#store,
      mayTryPin: this.#input.mayTrySecret,
    });

    try {
      await this.#keyManager.login(this.#input.call);

      return { code: "PIN_ACCEPTED" };
    } catch (error) {
      return tokenTrouble(expectedOfKeyManager(error));
    }
  }

  async #checkCrkFound(): Promise<TokenVerdict> {
    try {
      this.#crk = await this.#connected().readKeyMetadata(this.#input.crkId, this.#input.call);
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      return failure.failure === "notFound" ? { code: "TOKEN_KEY_NOT_FOUND" } : tokenTrouble(failure);
    }

    const { id, name, state, currentVersion, keyRing, isRootKey } = this.#crk;

    if (isRootKey) {
      this.facts.crk = { id, name, state, currentVersion, keyRing };
    }

    return { code: "TOKEN_KEY_FOUND", params: { versions: String(this.#crk.versions ?? 1) } };
  }

  #judgeKind(): TokenVerdict {
    const { isRootKey, bits } = this.#readCrk();

    if (isRootKey) {
      return { code: "CRK_IS_ROOT_KEY" };
    }

    return bits === 256
      ? { code: "TOKEN_KEY_EXTRACTABLE" }
      : { code: "TOKEN_KEY_NOT_AES256", params: { bits: String(bits) } };
  }

  #judgeState(): TokenVerdict {
    switch (this.#readCrk().state) {
      case "active":
        return { code: "CRK_ACTIVE" };
      case "deactivated":
        return { code: "TOKEN_KEY_DECRYPTS_ONLY" };
      default:
        return { code: "TOKEN_KEY_SUSPENDED" };
    }
  }

  async #checkWrapUnwrap(): Promise<TokenVerdict> {
    try {
      return (await probeWrap(this.#connected(), this.#readCrk().id, this.#input.call))
        ? { code: "WRAP_UNWRAP_WORKS" }
        : { code: "TOKEN_PROBE_CHANGED" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      if (failure.failure === "keyState") {
        return { code: "TOKEN_KEY_SUSPENDED" };
      }

      return failure.code === "CKR_MECHANISM_INVALID" || failure.code === "CKR_MECHANISM_PARAM_INVALID"
        ? { code: "TOKEN_LACKS_GCM", params: { keyManagerCode: failure.code } }
        : tokenTrouble(failure);
    }
  }

  /**
   * A new instance of a token that takes no data objects keeps its KEKs in the database. An instance stays with what
   * was decided when it was activated, or its KEKs would be in two places.
   */
  async #checkStorage(): Promise<TokenVerdict> {
    const recorded = this.#recorded();
    const address = parseTokenUri(recorded ?? this.#input.keyManagerCrn);

    if (address?.storage === "database") {
      return this.#checkHmac();
    }

    const verdict = await this.#checkDataObjects();

    if (verdict.code !== "TOKEN_STORES_NO_DATA" || recorded !== null || address === null) {
      return verdict;
    }

    const signed = await this.#checkHmac();

    if (signed.code !== "TOKEN_SIGNS_STORED_KEYS" || this.facts.keyManager === null) {
      return verdict;
    }

    this.facts.keyManager.endpoint = formatTokenUri({ ...address, storage: "database" });

    return signed;
  }

  /** The URI that an instance of this token uses; anything else (a base URL that somebody gave) is none. */
  #recorded(): string | null {
    const { endpoint, keyManagerCrn } = this.#input;
    const recorded = endpoint ? parseTokenUri(endpoint) : null;
    const wanted = parseTokenUri(keyManagerCrn);

    return endpoint &&
      recorded &&
      wanted &&
      formatToken(recorded) === formatToken(wanted) &&
      recorded.module === wanted.module
      ? endpoint
      : null;
  }

  async #checkHmac(): Promise<TokenVerdict> {
    try {
      await this.#connected().probeHmac(this.#input.call);

      return { code: "TOKEN_SIGNS_STORED_KEYS" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      return failure.failure === "rejected" || failure.failure === "forbidden"
        ? { code: "TOKEN_LACKS_HMAC", params: { keyManagerCode: failure.code ?? "" } }
        : tokenTrouble(failure);
    }
  }

  async #checkDataObjects(): Promise<TokenVerdict> {
    try {
      await this.#connected().probeStorage(this.#input.call);

      return { code: "TOKEN_STORES_DATA" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      return failure.failure === "rejected" || failure.failure === "forbidden"
        ? { code: "TOKEN_STORES_NO_DATA", params: { keyManagerCode: failure.code ?? "" } }
        : tokenTrouble(failure);
    }
  }

  #connected(): Pkcs11 {
    if (this.#keyManager === null) {
      throw new Error("This check runs only after the login.");
    }

    return this.#keyManager;
  }

  #readCrk(): TokenKeyMetadata {
    if (this.#crk === null) {
      throw new Error("This check runs only after the root key was found.");
    }

    return this.#crk;
  }
}

/** The finding for a token that gives no useful answer. */
function tokenTrouble(failure: KeyManagerError): TokenVerdict {
  const params = { cause: failure.message, keyManagerCode: failure.code ?? "" };

  if (failure.code === "CKR_PIN_LOCKED") {
    return { code: "PIN_LOCKED" };
  }

  if (failure.code === "PIN_FINAL_TRY") {
    return { code: "PIN_FINAL_TRY" };
  }

  if (failure.code === "CKR_TOKEN_NOT_PRESENT") {
    return { code: "TOKEN_NOT_PRESENT" };
  }

  switch (failure.failure) {
    case "credentials":
      return { code: "PIN_REFUSED", params };
    case "timeout":
      return { code: "TOKEN_TIMEOUT", params };
    case "throttled":
    case "unreachable":
    case "serverError":
      return { code: "TOKEN_FAILURE", params };
    default:
      return { code: "TOKEN_REFUSED", params };
  }
}
