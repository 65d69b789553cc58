import { parseCrn } from "@/lib/ibm-cloud/crn";
import type { IamToken, TokenSource } from "@/lib/ibm-cloud/iam";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import { noFacts, type Params } from "../checks/run-checks";
import type { CallContext } from "../key-manager";
import type { KeyMetadata, KeyProtect } from "../key-protect/adapter";
import type { CheckInput, ProviderContext } from "../provider";
import { explainMissingRole } from "./explain-policies";
import type { IbmService } from "./service";
import { expected } from "./verdicts";

/** One run of checks: what they learn from each other is kept in its fields. */
export class IbmCheckRun {
  readonly service: IbmService;
  readonly cloud: IbmCloud;
  readonly input: CheckInput;
  readonly call: CallContext;
  readonly facts = noFacts();
  resource: ResourceInstance | null = null;
  readonly #authorizedFor: string;
  #tokens: TokenSource | null = null;
  #keyManager: KeyProtect | null = null;
  #crk: KeyMetadata | null = null;

  constructor(service: IbmService, { cloud }: ProviderContext, input: CheckInput) {
    this.service = service;
    this.cloud = cloud;
    this.input = input;
    this.call = input.call;
    this.#authorizedFor = "authorizedFor" in input.credential ? input.credential.authorizedFor : "";
  }

  /** Tokens are there once the first check has said whose they are. */
  get tokens(): TokenSource {
    return found(this.#tokens, "the credential was accepted");
  }

  set tokens(source: TokenSource) {
    this.#tokens = source;
  }

  get keyManager(): KeyProtect {
    return found(this.#keyManager, "the instance was reached");
  }

  set keyManager(keyManager: KeyProtect) {
    this.#keyManager = keyManager;
  }

  get crk(): KeyMetadata {
    return found(this.#crk, "the root key was found");
  }

  set crk(crk: KeyMetadata) {
    this.#crk = crk;
  }

  /** Values for the words, as far as they are known at the time. */
  params(): Params {
    const { facts, input, resource } = this;

    return {
      service: this.service.service,
      product: this.service.title,
      guid: resource?.guid ?? parseCrn(input.keyManagerCrn)?.instance ?? "",
      keyManagerName: resource?.name ?? "",
      endpoint: facts.keyManager?.endpoint ?? input.givenEndpoint ?? input.endpoint ?? "",
      iamId: facts.iamId ?? "",
      serviceId: facts.serviceId ?? "",
      serviceIdName: facts.serviceIdName ?? "",
      crkId: input.crkId,
      crkName: this.#crk?.name ?? "",
      keyRing: this.#crk?.keyRing ?? "",
      kmipInstance: this.#authorizedFor,
    };
  }

  /** Why a role is missing, in the words' params; nothing when the policies do not tell. */
  async explain(role: string): Promise<Params> {
    const crn = parseCrn(this.input.keyManagerCrn);
    let token: IamToken;

    try {
      token = await this.tokens.token(this.call);
    } catch (error) {
      expected(error);

      return {};
    }

    const target = {
      service: this.service.service,
      guid: this.resource?.guid ?? crn?.instance ?? "",
      region: this.resource?.region ?? crn?.region ?? "",
      accountId: crn?.accountId ?? token.identity.accountId,
      resourceGroupId: this.resource?.resourceGroupId ?? null,
    };
    const explanation = await explainMissingRole(this.cloud.iam, token, { target, role }, this.call);

    return explanation === null ? {} : { ...explanation.params, whyCode: explanation.code };
  }
}

function found<T>(value: T | null, when: string): T {
  if (value === null) {
    throw new Error(`This check runs only after ${when}.`);
  }

  return value;
}
