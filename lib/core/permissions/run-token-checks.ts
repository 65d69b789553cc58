import { randomBytes, timingSafeEqual } from "node:crypto";
import { wrappedKeyStore } from "@/lib/core/key-managers/wrapped-key-store";
import { env } from "@/lib/env";
import { type Secret, secret } from "@/lib/ibm-cloud/secret";
import type { KeyManagerError } from "@/lib/key-managers/key-manager";
import { createPkcs11, type Pkcs11 } from "@/lib/key-managers/pkcs11/pkcs11";
import type { TokenKeyMetadata } from "@/lib/key-managers/pkcs11/token";
import { listModuleTokens } from "@/lib/key-managers/pkcs11/token-processes";
import type { TokenDescription } from "@/lib/key-managers/pkcs11/token-session";
import { formatToken, formatTokenUri, parseTokenUri } from "@/lib/key-managers/pkcs11/uri";
import type { CallOptions } from "@/lib/resilience/deadline";
import { createCheckRunner, type Verdict } from "./check-runner";
import type { FindingParams } from "./findings";
import { noFacts, type PermissionOutcome, PKCS11_CHECKS } from "./report";
import { expectedOfKeyManager } from "./verdicts";

export type TokenCheckInput = {
  readonly apiKey: string | Secret;
  readonly keyManagerCrn: string;
  readonly crkId: string;
  /** The URI in use, which says where wrapped KEKs are kept; absent before there is an instance. */
  readonly endpoint?: string | null | undefined;
  readonly correlationId: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
  /** False for checks that run by themselves: a PIN that the token refused is not tried again. */
  readonly mayTryPin?: boolean | undefined;
};

const PRODUCT = "The token";

/**
 * Checks what an instance needs of its HSM token, each point by what the token answers: that its module is configured and
 * loads, that the token is there, that it takes the PIN, that the root key never leaves it, that it wraps and unwraps a
 * random probe, and that it stores data. Nothing stays in the token, but for the HMAC key where it stores no data.
 */
export async function runTokenChecks(input: TokenCheckInput): Promise<PermissionOutcome> {
  const run = new TokenRun(input);
  const checkedAt = new Date();

  run.start();

  const checks = await run.checks.collect(PKCS11_CHECKS);

  return {
    report: {
      ok: checks.every((check) => check.status !== "fail"),
      checkedAt: checkedAt.toISOString(),
      serviceId: null,
      checks,
    },
    facts: run.facts,
  };
}

class TokenRun {
  readonly facts = noFacts();
  readonly checks;
  readonly #input: TokenCheckInput;
  readonly #call: CallOptions;
  readonly #pin: Secret;
  #tokens: TokenDescription[] = [];
  #keyManager: Pkcs11 | null = null;
  #crk: TokenKeyMetadata | null = null;

  constructor(input: TokenCheckInput) {
    this.#input = input;
    this.#pin = secret(input.apiKey);
    this.#call = {
      correlationId: input.correlationId,
      ...(input.timeoutMs === undefined ? {} : { timeoutMs: input.timeoutMs }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    };
    this.checks = createCheckRunner({ params: () => this.#params(), onError: input.onError });
  }

  start(): void {
    const { checks } = this;

    checks.add("module", [], () => this.#checkModule());
    checks.add("token", ["module"], () => this.#checkToken());
    checks.add("pin", ["token"], () => this.#checkPin());
    checks.add("crkFound", ["pin"], () => this.#checkCrkFound());
    checks.add("crkIsRootKey", ["crkFound"], async () => this.#judgeKind());
    checks.add("crkActive", ["crkFound", "crkIsRootKey"], async () => this.#judgeState());
    checks.add("wrapUnwrap", ["crkIsRootKey", "crkActive"], () => this.#checkWrapUnwrap());
    checks.add("storage", ["pin"], () => this.#checkStorage());
  }

  #params(): FindingParams {
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

  async #checkModule(): Promise<Verdict> {
    const address = parseTokenUri(this.#input.keyManagerCrn);

    if (address === null) {
      return { code: "TOKEN_URI_INVALID" };
    }

    const module = env().PKCS11_MODULES.find(({ name }) => name === address.module);

    if (module === undefined) {
      return { code: "MODULE_NOT_CONFIGURED" };
    }

    try {
      this.#tokens = await listModuleTokens(module, this.#call);

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

  async #checkToken(): Promise<Verdict> {
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

  async #checkPin(): Promise<Verdict> {
    this.#keyManager = createPkcs11({
      uri: this.#input.keyManagerCrn,
      pin: this.#pin,
      store: wrappedKeyStore,
      mayTryPin: this.#input.mayTryPin !== false,
    });

    try {
      await this.#keyManager.login(this.#call);

      return { code: "PIN_ACCEPTED" };
    } catch (error) {
      return tokenTrouble(expectedOfKeyManager(error));
    }
  }

  async #checkCrkFound(): Promise<Verdict> {
    try {
      this.#crk = await this.#connected().readKeyMetadata(this.#input.crkId, this.#call);
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

  #judgeKind(): Verdict {
    const { isRootKey, bits } = this.#readCrk();

    if (isRootKey) {
      return { code: "CRK_IS_ROOT_KEY" };
    }

    return bits === 256
      ? { code: "TOKEN_KEY_EXTRACTABLE" }
      : { code: "TOKEN_KEY_NOT_AES256", params: { bits: String(bits) } };
  }

  #judgeState(): Verdict {
    switch (this.#readCrk().state) {
      case "active":
        return { code: "CRK_ACTIVE" };
      case "deactivated":
        return { code: "TOKEN_KEY_DECRYPTS_ONLY" };
      default:
        return { code: "TOKEN_KEY_SUSPENDED" };
    }
  }

  async #checkWrapUnwrap(): Promise<Verdict> {
    const keyManager = this.#connected();
    const { id } = this.#readCrk();
    const probe = randomBytes(32);
    const aad = ["permission-check", this.#input.correlationId.slice(0, 200)];
    let back: Uint8Array | null = null;

    try {
      const wrapped = await keyManager.wrap(id, probe, aad, this.#call);
      back = (await keyManager.unwrap(id, wrapped.bytes, aad, this.#call)).plaintext;

      return back.byteLength === probe.byteLength && timingSafeEqual(back, probe)
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
    } finally {
      probe.fill(0);
      back?.fill(0);
    }
  }

  /**
   * A new instance of a token that takes no data objects keeps its KEKs in the database. An instance stays with what
   * was decided when it was activated, or its KEKs would be in two places.
   */
  async #checkStorage(): Promise<Verdict> {
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

  async #checkHmac(): Promise<Verdict> {
    try {
      await this.#connected().probeHmac(this.#call);

      return { code: "TOKEN_SIGNS_STORED_KEYS" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      return failure.failure === "rejected" || failure.failure === "forbidden"
        ? { code: "TOKEN_LACKS_HMAC", params: { keyManagerCode: failure.code ?? "" } }
        : tokenTrouble(failure);
    }
  }

  async #checkDataObjects(): Promise<Verdict> {
    try {
      await this.#connected().probeStorage(this.#call);

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
function tokenTrouble(failure: KeyManagerError): Verdict {
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
