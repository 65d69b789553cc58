import { randomBytes, timingSafeEqual } from "node:crypto";
import { AppError } from "@/lib/core/errors";
import { type IbmKeyManagerKind, KEY_MANAGER_NAMES, KEY_SERVICES } from "@/lib/core/key-managers/credentials";
import { deploymentApiKey } from "@/lib/core/key-managers/deployment-identity";
import { describeServiceId } from "@/lib/core/key-managers/discover-key-managers";
import { type IbmCloud, ibmCloud } from "@/lib/core/key-managers/ibm-cloud";
import { parseCrn } from "@/lib/ibm-cloud/crn";
import { type IamToken, type TokenSource, withToken } from "@/lib/ibm-cloud/iam";
import type { ApiKeyDetails } from "@/lib/ibm-cloud/iam-schemas";
import { chooseEndpoint, type ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import { type Secret, secret } from "@/lib/ibm-cloud/secret";
import { createKeyManager } from "@/lib/key-managers/create-key-manager";
import { HPCS_KEY_RING } from "@/lib/key-managers/hpcs/hpcs";
import type { KeyManagerError, KeyManagerKind } from "@/lib/key-managers/key-manager";
import type { KeyMetadata, KeyProtect } from "@/lib/key-managers/key-protect/key-protect";
import type { InstancePolicy } from "@/lib/key-managers/key-protect/wire";
import type { CallOptions } from "@/lib/resilience/deadline";
import { readAuthorizations } from "./authorization";
import { createCheckRunner, type Verdict, waitsFor } from "./check-runner";
import { explainMissingRole } from "./explain-policies";
import type { FindingParams } from "./findings";
import { judgeInstancePolicies } from "./instance-policies";
import {
  HPCS_AUTHORIZED_CHECKS,
  HPCS_CHECKS,
  KEY_PROTECT_CHECKS,
  noFacts,
  type PermissionOutcome,
  type PermissionReport,
} from "./report";
import { runTokenChecks } from "./run-token-checks";
import {
  conventionalEndpoint,
  expected,
  expectedOfKeyManager,
  expiryOf,
  judgeCrkState,
  SOON_MS,
  trouble,
} from "./verdicts";

export type PermissionCheckInput = {
  readonly kind: KeyManagerKind;
  /** API key of a service ID; unless `authorizedFor` is there. */
  readonly apiKey?: string | Secret | undefined;
  /** Id of the KMIP instance that the HPCS instance shall have authorized, for which the deployment's identity acts. */
  readonly authorizedFor?: string | undefined;
  readonly keyManagerCrn: string;
  readonly crkId: string;
  /** The key ring chosen for the instance, if one was. */
  readonly keyRing?: string | null | undefined;
  /** Last known base URL, for when the resource controller does not tell. */
  readonly endpoint?: string | null | undefined;
  /** Base URL that a person gave; it is used whatever the resource controller tells. */
  readonly givenEndpoint?: string | null | undefined;
  readonly correlationId: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each call; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** False for checks that run by themselves: a PIN that a token refused is then not tried again. */
  readonly mayTryPin?: boolean | undefined;
  /** Told of errors that no check expects (a bug); the report then says CHECK_BROKE. */
  readonly onError?: ((error: unknown) => void) | undefined;
};

/**
 * Checks what an instance needs of its key manager, each point by what the services answer: reading the resource
 * instance proves the platform role Viewer, reading the instance policies proves the service role Manager, a random
 * probe that is wrapped and unwrapped proves the root key. Nothing else is done and nothing is stored anywhere.
 * Expected failures are findings of the report, not errors.
 * @throws AppError INVALID_STATE without any credentials
 */
export async function runPermissionChecks(
  input: PermissionCheckInput,
  cloud: IbmCloud = ibmCloud(),
): Promise<PermissionOutcome> {
  if (input.kind === "pkcs11") {
    if (input.apiKey === undefined) {
      throw new AppError("INVALID_STATE", "The instance has no PIN.");
    }

    return runTokenChecks({ ...input, apiKey: input.apiKey });
  }

  const run = new PermissionRun(input.kind, input, cloud);
  const checkedAt = new Date();

  run.start();

  const checks = await run.checks.collect(
    run.authorizedFor !== null
      ? HPCS_AUTHORIZED_CHECKS
      : run.kind === "hpcs"
        ? HPCS_CHECKS
        : KEY_PROTECT_CHECKS,
  );
  const report: PermissionReport = {
    ok: checks.every((check) => check.status !== "fail"),
    checkedAt: checkedAt.toISOString(),
    serviceId: run.facts.serviceId,
    checks,
  };

  return { report, facts: run.facts };
}

/** One run: what the checks learn from each other is kept in its fields. */
class PermissionRun {
  readonly kind: IbmKeyManagerKind;
  readonly facts = noFacts();
  readonly checks;
  readonly #input: PermissionCheckInput;
  readonly #cloud: IbmCloud;
  readonly #call: CallOptions;
  /** Null: the HPCS instance does without an API key. */
  readonly authorizedFor: string | null;
  readonly #apiKey: Secret | null;
  #source: TokenSource | null;
  #resource: ResourceInstance | null = null;
  #keyManager: KeyProtect | null = null;
  #policies: InstancePolicy[] | KeyManagerError | null = null;
  #crk: KeyMetadata | null = null;
  /** With an authorization: the role was proven by listing root keys. */
  #mayListKeys = false;

  constructor(kind: IbmKeyManagerKind, input: PermissionCheckInput, cloud: IbmCloud) {
    this.kind = kind;
    this.#input = input;
    this.#cloud = cloud;
    this.authorizedFor = input.apiKey === undefined ? (input.authorizedFor ?? null) : null;
    this.#apiKey = input.apiKey === undefined ? null : secret(input.apiKey);
    this.#source = this.#apiKey === null ? null : cloud.iam.tokenSource(this.#apiKey);

    if (this.#apiKey === null && this.authorizedFor === null) {
      throw new AppError("INVALID_STATE", "The instance has no API key.");
    }
    this.#call = {
      correlationId: input.correlationId,
      ...(input.timeoutMs === undefined ? {} : { timeoutMs: input.timeoutMs }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    };
    this.checks = createCheckRunner({ params: () => this.#params(), onError: input.onError });
  }

  /** Tokens are there once the check of the API key, or of the deployment's identity, has passed. */
  get #tokens(): TokenSource {
    if (this.#source === null) {
      throw new Error("This check runs only after the deployment's identity was accepted.");
    }

    return this.#source;
  }

  start(): void {
    const { checks } = this;
    const role = this.kind === "hpcs" ? "vmwareKmipManager" : "serviceManager";

    if (this.authorizedFor === null) {
      checks.add("apiKey", [], () => this.#checkApiKey());
      checks.add("serviceId", ["apiKey"], () => this.#checkServiceId());
    } else {
      checks.add("apiKey", [], () => this.#checkDeploymentIdentity());
    }

    checks.add("platformViewer", ["apiKey"], () => this.#checkViewer());
    checks.add("instanceReachable", ["apiKey"], () => this.#checkReachable());
    checks.add(role, ["instanceReachable"], () => this.#checkManager());
    checks.add("standardKeysAllowed", [role], () => this.#checkStandardKeys());
    checks.add("crkFound", [role], () => this.#checkCrkFound());
    checks.add("crkIsRootKey", ["crkFound"], async () => ({
      code: this.#readCrk().isRootKey ? "CRK_IS_ROOT_KEY" : "CRK_IS_STANDARD_KEY",
    }));
    checks.add("crkActive", ["crkFound", "crkIsRootKey"], async () => judgeCrkState(this.#readCrk()));
    checks.add("wrapUnwrap", ["crkIsRootKey", "crkActive"], () => this.#checkWrapUnwrap());

    if (this.kind === "hpcs") {
      checks.add("authorizationFound", this.authorizedFor === null ? [] : ["apiKey"], () =>
        this.#checkAuthorization(),
      );
      checks.add("crkInDefaultKeyRing", ["crkFound"], async () => ({
        code:
          this.#readCrk().keyRing === HPCS_KEY_RING
            ? "CRK_IN_DEFAULT_KEY_RING"
            : "CRK_NOT_IN_DEFAULT_KEY_RING",
      }));
    }
  }

  /** Values for the words, as far as they are known at the time. */
  #params(): FindingParams {
    const { facts } = this;

    return {
      service: KEY_SERVICES[this.kind],
      product: KEY_MANAGER_NAMES[this.kind],
      guid: this.#resource?.guid ?? parseCrn(this.#input.keyManagerCrn)?.instance ?? "",
      keyManagerName: this.#resource?.name ?? "",
      endpoint: facts.keyManager?.endpoint ?? this.#input.givenEndpoint ?? this.#input.endpoint ?? "",
      iamId: facts.iamId ?? "",
      serviceId: facts.serviceId ?? "",
      serviceIdName: facts.serviceIdName ?? "",
      crkId: this.#input.crkId,
      crkName: this.#crk?.name ?? "",
      keyRing: this.#crk?.keyRing ?? "",
      kmipInstance: this.authorizedFor ?? "",
    };
  }

  /** The deployment's own service ID, and that IAM lets it act for the KMIP instance. */
  async #checkDeploymentIdentity(): Promise<Verdict> {
    let apiKey: Secret;

    try {
      apiKey = deploymentApiKey();
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }

      return { code: "DEPLOYMENT_IDENTITY_MISSING", params: { cause: error.message } };
    }

    try {
      const { identity } = await this.#cloud.iam.tokenSource(apiKey).token(this.#call);
      this.facts.serviceId = identity.serviceId;
      this.facts.serviceIdName = identity.serviceId === null ? null : identity.name;
      const source = this.#cloud.iam.authorizedTokenSource(apiKey, this.authorizedFor ?? "");
      this.facts.iamId = (await source.token(this.#call)).identity.iamId;
      this.#source = source;

      return { code: "DEPLOYMENT_IDENTITY_ACCEPTED" };
    } catch (error) {
      const failure = expected(error);

      return failure.failure === "credentials"
        ? { code: "DEPLOYMENT_IDENTITY_REFUSED", params: { iamCode: failure.code ?? "" } }
        : { code: "IAM_UNAVAILABLE", params: { cause: failure.message } };
    }
  }

  /** What the services answer outweighs what policies can be read: an authorization that works is there. */
  async #checkAuthorization(): Promise<Verdict> {
    if (this.authorizedFor === null) {
      return { code: "AUTHORIZATION_NOT_NEEDED" };
    }

    const [viewer, role, { found, otherSources }] = await Promise.all([
      this.checks.result("platformViewer"),
      this.checks.result("vmwareKmipManager"),
      readAuthorizations(
        this.#cloud.iam,
        [this.#tokens, this.#cloud.iam.tokenSource(deploymentApiKey())],
        { kmipInstanceId: this.authorizedFor, guid: parseCrn(this.#input.keyManagerCrn)?.instance ?? "" },
        this.#call,
      ),
    ]);

    if (found || viewer?.status === "pass" || role?.status === "pass") {
      return { code: "AUTHORIZATION_FOUND" };
    }

    // Nobody said that it is not there.
    if (viewer?.code !== "AUTHORIZED_VIEWER_MISSING") {
      return waitsFor("platformViewer");
    }

    const [other] = otherSources;

    return {
      code: "AUTHORIZATION_MISSING",
      params:
        other === undefined
          ? {}
          : {
              why: `There is one for another KMIP instance (${other}).`,
              whyCode: "AUTHORIZATION_OF_OTHER_INSTANCE",
            },
    };
  }

  async #checkApiKey(): Promise<Verdict> {
    try {
      const { identity } = await this.#tokens.token(this.#call);
      this.facts.iamId = identity.iamId;
      this.facts.serviceId = identity.serviceId;
      this.facts.serviceIdName = identity.serviceId === null ? null : identity.name;
    } catch (error) {
      const failure = expected(error);

      return failure.failure === "credentials"
        ? { code: "API_KEY_REFUSED", params: { iamCode: failure.code ?? "" } }
        : { code: "IAM_UNAVAILABLE", params: { cause: failure.message } };
    }

    const details = await this.#apiKeyDetails();
    const expiresAt = details === "unknown" || details === "refused" ? null : expiryOf(details);
    const over = expiresAt !== null && expiresAt.getTime() <= Date.now();

    if (details === "refused" || (details !== "unknown" && (details.disabled || over))) {
      const refused = await this.#proveApiKey(details === "refused" ? null : details, expiresAt, over);

      if (refused) {
        return refused;
      }
    }

    return expiresAt !== null && !over && expiresAt.getTime() - Date.now() < SOON_MS
      ? { code: "API_KEY_EXPIRES_SOON", params: { expiresAt: expiresAt.toISOString() } }
      : { code: "API_KEY_ACCEPTED" };
  }

  /**
   * A token may have been fetched before its API key was disabled, deleted or expired, and outlives it by up to an hour:
   * only a new one proves that the key is still good.
   */
  async #proveApiKey(
    details: ApiKeyDetails | null,
    expiresAt: Date | null,
    over: boolean,
  ): Promise<Verdict | null> {
    this.#tokens.renew();

    try {
      await this.#tokens.token(this.#call);

      return null;
    } catch (error) {
      const failure = expected(error);

      return failure.failure === "credentials"
        ? {
            code: over ? "API_KEY_EXPIRED" : details?.disabled ? "API_KEY_DISABLED" : "API_KEY_REFUSED",
            params: {
              iamCode: failure.code ?? "",
              apiKeyId: details?.id ?? "",
              apiKeyName: details?.name ?? "",
              expiresAt: expiresAt?.toISOString() ?? "",
            },
          }
        : { code: "IAM_UNAVAILABLE", params: { cause: failure.message } };
    }
  }

  /** What IAM says of the API key; `refused` when it may not be read, or is no longer there. */
  async #apiKeyDetails(): Promise<ApiKeyDetails | "refused" | "unknown"> {
    const apiKey = this.#apiKey;
    if (apiKey === null) {
      return "unknown";
    }

    try {
      return await withToken(this.#tokens, this.#call, (token) =>
        this.#cloud.iam.getApiKeyDetails(apiKey, token, this.#call),
      );
    } catch (error) {
      const { failure } = expected(error);

      return failure === "forbidden" || failure === "notFound" || failure === "credentials"
        ? "refused"
        : "unknown";
    }
  }

  async #checkServiceId(): Promise<Verdict> {
    try {
      const described = await withToken(this.#tokens, this.#call, (token) =>
        describeServiceId(this.#cloud, token, this.#call),
      );

      if (described === null) {
        return { code: "API_KEY_OF_USER" };
      }

      this.facts.serviceIdName = described.name;

      return { code: "SERVICE_ID_KNOWN" };
    } catch (error) {
      return { code: "IAM_UNAVAILABLE", params: { cause: expected(error).message } };
    }
  }

  async #checkViewer(): Promise<Verdict> {
    const crn = parseCrn(this.#input.keyManagerCrn);

    if (crn?.service !== KEY_SERVICES[this.kind]) {
      return { code: "CRN_INVALID" };
    }

    try {
      this.#resource = await withToken(this.#tokens, this.#call, (token) =>
        this.#cloud.resourceController.getInstance(token, crn.instance, this.#call),
      );

      return { code: "PLATFORM_VIEWER_HELD" };
    } catch (error) {
      const failure = expected(error);

      if (failure.failure === "forbidden" || failure.failure === "notFound") {
        if (this.authorizedFor !== null) {
          return { code: "AUTHORIZED_VIEWER_MISSING" };
        }

        const code = failure.failure === "forbidden" ? "PLATFORM_VIEWER_MISSING" : "KEY_MANAGER_NOT_FOUND";

        return { code, params: await this.#explain("Viewer") };
      }

      return { code: "RESOURCE_CONTROLLER_UNAVAILABLE", params: { cause: failure.message } };
    }
  }

  async #checkReachable(): Promise<Verdict> {
    // Where the instance is, the resource controller knows; if it does not tell, an address known before will do.
    await this.checks.result("platformViewer");

    const crn = parseCrn(this.#input.keyManagerCrn);

    if (crn === null || crn.service !== KEY_SERVICES[this.kind]) {
      return waitsFor("platformViewer");
    }

    if (this.#resource !== null && this.#resource.state !== "active") {
      return { code: "KEY_MANAGER_INACTIVE", params: { state: this.#resource.state } };
    }

    const known = this.#resource
      ? chooseEndpoint(this.#resource.endpoints, this.#cloud.endpointType)
      : (this.#input.endpoint ?? conventionalEndpoint(this.#cloud, crn.service, crn.region));
    const endpoint = this.#input.givenEndpoint ?? known;

    if (endpoint === null) {
      return this.#resource ? { code: "ENDPOINT_UNKNOWN" } : waitsFor("platformViewer");
    }

    this.facts.keyManager = {
      crn: this.#resource?.crn ?? this.#input.keyManagerCrn,
      guid: this.#resource?.guid ?? crn.instance,
      name: this.#resource?.name ?? "",
      region: this.#resource?.region ?? crn.region,
      endpoint,
    };
    this.#keyManager = createKeyManager({
      kind: this.kind,
      endpoint,
      instanceGuid: this.facts.keyManager.guid,
      tokenSource: this.#tokens,
      always: true,
    });

    try {
      if (this.authorizedFor !== null) {
        await this.#keyManager.listRootKeys({ limit: 1 }, this.#call);
        this.#mayListKeys = true;

        return { code: "INSTANCE_REACHED" };
      }

      this.#policies = await this.#keyManager.readInstancePolicies(this.#call);

      return { code: "INSTANCE_REACHED" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);
      this.#policies = failure;

      // A refusal is an answer, too: whether the role is missing is the next check's matter.
      return failure.failure === "forbidden" ? { code: "INSTANCE_REACHED" } : trouble(failure);
    }
  }

  async #checkManager(): Promise<Verdict> {
    if (this.authorizedFor !== null) {
      return { code: this.#mayListKeys ? "KMIP_MANAGER_HELD" : "KMIP_MANAGER_MISSING" };
    }

    return Array.isArray(this.#policies)
      ? { code: "SERVICE_MANAGER_HELD" }
      : { code: "SERVICE_MANAGER_MISSING", params: await this.#explain("Manager") };
  }

  async #checkStandardKeys(): Promise<Verdict> {
    const { public: open, private: closed } = this.#resource?.endpoints ?? { public: null, private: null };
    const endpoint = this.facts.keyManager?.endpoint ?? null;
    const overPublic = endpoint !== null && endpoint === open && endpoint !== closed;

    if (this.authorizedFor !== null) {
      try {
        return judgeInstancePolicies(await this.#connected().readInstancePolicies(this.#call), overPublic);
      } catch (error) {
        const failure = expectedOfKeyManager(error);

        return failure.failure === "forbidden" ? { code: "STANDARD_KEYS_UNKNOWN" } : trouble(failure);
      }
    }

    return judgeInstancePolicies(Array.isArray(this.#policies) ? this.#policies : [], overPublic);
  }

  async #checkCrkFound(): Promise<Verdict> {
    try {
      this.#crk = await this.#connected().readKeyMetadata(this.#input.crkId, this.#call);
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      switch (failure.failure) {
        case "notFound":
          return { code: "CRK_NOT_FOUND" };
        case "deleted":
          return { code: "CRK_DESTROYED", params: { crkName: this.#input.crkId } };
        case "forbidden":
          return this.authorizedFor === null
            ? { code: "CRK_FORBIDDEN", params: await this.#explain("Manager") }
            : { code: "KMIP_MANAGER_MISSING" };
        default:
          return trouble(failure);
      }
    }

    const { id, name, state, currentVersion, keyRing, isRootKey } = this.#crk;

    if (isRootKey) {
      this.facts.crk = { id, name, state, currentVersion, keyRing };
    }

    return this.#input.keyRing && this.kind !== "hpcs" && this.#input.keyRing !== keyRing
      ? { code: "CRK_OTHER_KEY_RING", params: { wantedKeyRing: this.#input.keyRing } }
      : { code: "CRK_FOUND" };
  }

  async #checkWrapUnwrap(): Promise<Verdict> {
    const keyManager = this.#connected();
    const crk = this.#readCrk();
    const probe = randomBytes(32);
    const aad = ["permission-check", this.#input.correlationId.slice(0, 200)];
    let back: Uint8Array | null = null;

    try {
      const wrapped = await keyManager.wrap(crk.id, probe, aad, this.#call);
      const unwrapped = await keyManager.unwrap(crk.id, wrapped.bytes, aad, this.#call);
      back = unwrapped.plaintext;

      return back.byteLength === probe.byteLength && timingSafeEqual(back, probe)
        ? { code: "WRAP_UNWRAP_WORKS" }
        : { code: "PROBE_CHANGED" };
    } catch (error) {
      const failure = expectedOfKeyManager(error);

      if (failure.failure === "forbidden" && this.authorizedFor !== null) {
        return { code: "KMIP_MANAGER_MISSING" };
      }

      if (failure.failure === "forbidden") {
        return { code: "WRAP_FORBIDDEN", params: await this.#explain("Manager") };
      }

      // Disabled or deleted since its metadata was read, a moment ago.
      if (failure.failure === "keyState") {
        return { code: "CRK_DISABLED" };
      }

      return failure.failure === "deleted" ? { code: "CRK_DESTROYED" } : trouble(failure);
    } finally {
      probe.fill(0);
      back?.fill(0);
    }
  }

  /** Why a role is missing, in the words' params; nothing when the policies do not tell. */
  async #explain(role: string): Promise<FindingParams> {
    const crn = parseCrn(this.#input.keyManagerCrn);
    let token: IamToken;

    try {
      token = await this.#tokens.token(this.#call);
    } catch (error) {
      expected(error);

      return {};
    }

    const explanation = await explainMissingRole(
      this.#cloud.iam,
      token,
      {
        service: KEY_SERVICES[this.kind],
        guid: this.#resource?.guid ?? crn?.instance ?? "",
        region: this.#resource?.region ?? crn?.region ?? "",
        accountId: crn?.accountId ?? token.identity.accountId,
        resourceGroupId: this.#resource?.resourceGroupId ?? null,
      },
      role,
      this.#call,
    );

    return explanation === null ? {} : { why: explanation.text, whyCode: explanation.code };
  }

  #connected(): KeyProtect {
    if (this.#keyManager === null) {
      throw new Error("This check runs only after the instance was reached.");
    }

    return this.#keyManager;
  }

  #readCrk(): KeyMetadata {
    if (this.#crk === null) {
      throw new Error("This check runs only after the root key was found.");
    }

    return this.#crk;
  }
}
