import { type Crn, parseCrn } from "@/lib/ibm-cloud/crn";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { KeyService } from "@/lib/ibm-cloud/resource-controller";
import { callLimitsOf } from "../call-limits";
import type { KeyProtect, KeyProtectOptions } from "../key-protect/adapter";
import { type Credential, invalidAddress, type Provider, secretField } from "../provider";

/** A key manager that is a service of IBM Cloud and speaks the Key Protect API. */
export type IbmService = {
  readonly kind: string;
  readonly title: string;
  /** Its name in CRNs and IAM policies. */
  readonly service: KeyService;
  /** The only key ring that root keys of KMIP may be in; absent = any. */
  readonly onlyKeyRing?: string;
  /** Whose tokens are used. @throws ProviderError `notAvailable` */
  tokens(cloud: IbmCloud, credential: Credential): TokenSource;
  create(options: KeyProtectOptions): KeyProtect;
};

/** The adapter for an instance at an address; all adapters of it in this process share its limits. */
export function createIbmKeyManager(service: IbmService, options: KeyProtectOptions): KeyProtect {
  return service.create({ limits: callLimitsOf(options.instanceGuid, options.endpoint), ...options });
}

/** @throws ProviderError `invalid` when the text is no CRN of an instance of this service */
export function requireCrn({ service, title }: IbmService, text: string): Crn {
  const crn = parseCrn(text);

  if (crn?.service !== service) {
    throw invalidAddress(`This is no CRN of a ${title} instance.`, "INVALID_CRN", `is no ${title} CRN`);
  }

  return crn;
}

/** What all services of IBM Cloud have in common as providers. */
export function ibmServiceMembers(service: IbmService) {
  return {
    kind: service.kind,
    title: service.title,
    credential: { type: "apiKey", fields: [secretField(8)], toDiscover: true },
    unavailable: () => null,
    guidOf: (keyManagerCrn) => requireCrn(service, keyManagerCrn).instance,
    open(context, { credential, guid, endpoint, keyRing }) {
      const tokenSource = service.tokens(context.cloud, credential);

      return {
        keyManager: createIbmKeyManager(service, {
          endpoint,
          instanceGuid: guid,
          tokenSource,
          ...(keyRing ? { keyRing } : {}),
        }),
        renew: () => tokenSource.renew(),
      };
    },
  } satisfies Partial<Provider>;
}
