import { parseCrn } from "@/lib/ibm-cloud/crn";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { expectedOfKeyManager } from "../checks/probe";
import { type ResultOf, type Verdict, waitsFor } from "../checks/run-checks";
import type { IbmCheckRun } from "../ibm-services/check-run";
import { checkReachable, checkViewer, isOverPublic } from "../ibm-services/instance-checks";
import { judgeInstancePolicies } from "../ibm-services/instance-policies";
import { rootKeyChecks } from "../ibm-services/root-key-checks";
import { expected, trouble } from "../ibm-services/verdicts";
import { ProviderError } from "../provider";
import { readAuthorizations } from "./authorization";
import { deploymentApiKey } from "./deployment-identity";
import type { HpcsCode } from "./findings";
import { hpcsService } from "./service";

type HpcsVerdict = Verdict<HpcsCode>;

/**
 * The checks where the HPCS instance authorized the KMIP instance: reading the resource instance proves the platform role
 * Viewer, and listing root keys the service role of the authorization.
 */
export function authorizedChecks(run: IbmCheckRun, kmipInstanceId: string) {
  let mayListKeys = false;

  return {
    apiKey: { id: "apiKey", run: () => checkDeploymentIdentity(run) },
    authorizationFound: {
      id: "authorizationFound",
      needs: ["apiKey"],
      run: (resultOf: ResultOf) => checkAuthorization(run, resultOf, kmipInstanceId),
    },
    platformViewer: {
      id: "platformViewer",
      needs: ["apiKey"],
      run: () => checkViewer<HpcsCode>(run, async () => ({ code: "AUTHORIZED_VIEWER_MISSING" })),
    },
    instanceReachable: {
      id: "instanceReachable",
      needs: ["apiKey"],
      run: (resultOf: ResultOf) =>
        checkReachable(run, resultOf, async (keyManager) => {
          await keyManager.listRootKeys({ limit: 1 }, run.call);
          mayListKeys = true;
        }),
    },
    vmwareKmipManager: {
      id: "vmwareKmipManager",
      needs: ["instanceReachable"],
      run: async (): Promise<HpcsVerdict> => ({
        code: mayListKeys ? "KMIP_MANAGER_HELD" : "KMIP_MANAGER_MISSING",
      }),
    },
    standardKeysAllowed: {
      id: "standardKeysAllowed",
      needs: ["vmwareKmipManager"],
      run: () => checkStandardKeys(run),
    },
    ...rootKeyChecks<HpcsCode>(run, ["vmwareKmipManager"], async () => ({ code: "KMIP_MANAGER_MISSING" })),
  };
}

/** The deployment's own service ID, and that IAM lets it act for the KMIP instance. */
async function checkDeploymentIdentity(run: IbmCheckRun): Promise<HpcsVerdict> {
  let apiKey: Secret;

  try {
    apiKey = deploymentApiKey();
  } catch (error) {
    if (!(error instanceof ProviderError)) {
      throw error;
    }

    return { code: "DEPLOYMENT_IDENTITY_MISSING", params: { cause: error.message } };
  }

  try {
    const { identity } = await run.cloud.iam.tokenSource(apiKey).token(run.call);
    run.facts.serviceId = identity.serviceId;
    run.facts.serviceIdName = identity.serviceId === null ? null : identity.name;
    const source = hpcsService.tokens(run.cloud, run.input.credential);
    run.facts.iamId = (await source.token(run.call)).identity.iamId;
    run.tokens = source;

    return { code: "DEPLOYMENT_IDENTITY_ACCEPTED" };
  } catch (error) {
    const failure = expected(error);

    return failure.failure === "credentials"
      ? { code: "DEPLOYMENT_IDENTITY_REFUSED", params: { iamCode: failure.code ?? "" } }
      : { code: "IAM_UNAVAILABLE", params: { cause: failure.message } };
  }
}

/** What the services answer outweighs what policies can be read: an authorization that works is there. */
async function checkAuthorization(
  run: IbmCheckRun,
  resultOf: ResultOf,
  kmipInstanceId: string,
): Promise<HpcsVerdict> {
  const [viewer, role, { found, otherSources }] = await Promise.all([
    resultOf("platformViewer"),
    resultOf("vmwareKmipManager"),
    readAuthorizations(
      run.cloud.iam,
      [run.tokens, run.cloud.iam.tokenSource(deploymentApiKey())],
      { kmipInstanceId, guid: parseCrn(run.input.keyManagerCrn)?.instance ?? "" },
      run.call,
    ),
  ]);

  if (found || viewer.status === "pass" || role.status === "pass") {
    return { code: "AUTHORIZATION_FOUND" };
  }

  // Nobody said that it is not there.
  if (viewer.code !== "AUTHORIZED_VIEWER_MISSING") {
    return waitsFor("platformViewer");
  }

  const [other] = otherSources;

  return {
    code: "AUTHORIZATION_MISSING",
    params: other === undefined ? {} : { whyCode: "AUTHORIZATION_OF_OTHER_INSTANCE", otherInstance: other },
  };
}

async function checkStandardKeys(run: IbmCheckRun): Promise<HpcsVerdict> {
  try {
    return judgeInstancePolicies(await run.keyManager.readInstancePolicies(run.call), isOverPublic(run));
  } catch (error) {
    const failure = expectedOfKeyManager(error);

    return failure.failure === "forbidden" ? { code: "STANDARD_KEYS_UNKNOWN" } : trouble(failure);
  }
}
