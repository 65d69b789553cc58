import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type IamClient, KMIP_SERVICE_NAME, type TokenSource, withToken } from "@/lib/ibm-cloud/iam";
import type { PolicyV2 } from "@/lib/ibm-cloud/iam-schemas";
import { type CallOptions, DEFAULT_TIMEOUT_MS } from "@/lib/resilience/deadline";
import { matchesAttribute } from "../ibm-services/explain-policies";

/** What the readable authorizations say about a KMIP instance and an HPCS instance. */
export type AuthorizationReading = {
  /** One of them covers both. */
  readonly found: boolean;
  /** Source instances that other authorizations on this HPCS instance are for. */
  readonly otherSources: readonly string[];
};

type Attributes = readonly NonNullable<PolicyV2["resource"]>["attributes"][number][];

/**
 * Reads the authorizations that the given tokens may read. Like all reading of policies it proves nothing: what is not
 * shown may be there.
 */
export async function readAuthorizations(
  iam: IamClient,
  sources: readonly TokenSource[],
  pair: { readonly kmipInstanceId: string; readonly guid: string },
  call: CallOptions,
): Promise<AuthorizationReading> {
  const limited = { ...call, timeoutMs: Math.min(call.timeoutMs ?? DEFAULT_TIMEOUT_MS, 3_000) };
  const lists = await Promise.all(
    sources.map(async (source) => {
      try {
        return await withToken(source, limited, async (token) => ({
          accountId: token.identity.accountId,
          policies: await iam.listPolicies(token, { type: "authorization" }, limited),
        }));
      } catch (error) {
        if (error instanceof IbmCloudError) {
          return null;
        }
        throw error;
      }
    }),
  );

  return lists.reduce<AuthorizationReading>(
    (sum, list) => {
      if (list === null) {
        return sum;
      }
      const { found, otherSources } = judgeAuthorizations(list.policies, {
        ...pair,
        accountId: list.accountId,
      });

      return {
        found: sum.found || found,
        otherSources: [...new Set([...sum.otherSources, ...otherSources])],
      };
    },
    { found: false, otherSources: [] },
  );
}

/** The pure part of readAuthorizations. */
function judgeAuthorizations(
  policies: readonly PolicyV2[],
  pair: { readonly kmipInstanceId: string; readonly guid: string; readonly accountId: string },
): AuthorizationReading {
  const onTarget = policies.filter(
    (policy) =>
      policy.type === "authorization" &&
      policy.state === "active" &&
      covers(policy.resource?.attributes ?? [], {
        accountId: pair.accountId,
        serviceName: "hs-crypto",
        serviceInstance: pair.guid,
      }) &&
      covers(withoutInstance(policy.subject?.attributes ?? []), {
        accountId: pair.accountId,
        serviceName: KMIP_SERVICE_NAME,
      }),
  );
  const isSource = (policy: PolicyV2) =>
    covers(instanceOnly(policy.subject?.attributes ?? []), { serviceInstance: pair.kmipInstanceId });

  return {
    found: onTarget.some(isSource),
    otherSources: onTarget
      .filter((policy) => !isSource(policy))
      .flatMap((policy) =>
        instanceOnly(policy.subject?.attributes ?? []).flatMap(({ value }) =>
          typeof value === "boolean" ? [] : value,
        ),
      ),
  };
}

const instanceOnly = (attributes: Attributes) => attributes.filter(({ key }) => key === "serviceInstance");
const withoutInstance = (attributes: Attributes) => attributes.filter(({ key }) => key !== "serviceInstance");

/** Every attribute that is named holds; one that is not named is free, and one that is not known here says no. */
function covers(attributes: Attributes, values: { readonly [key: string]: string }): boolean {
  return attributes.every((attribute) => {
    const value = attribute.key === "serviceType" ? "service" : values[attribute.key];

    return value !== undefined && matchesAttribute(attribute, value);
  });
}
