import { type Check, type CheckOutcome, runChecks } from "../checks/run-checks";
import { apiKeyChecks } from "../ibm-services/api-key-checks";
import { IbmCheckRun } from "../ibm-services/check-run";
import type { CheckInput, ProviderContext } from "../provider";
import { HPCS_KEY_RING } from "./adapter";
import { authorizedChecks } from "./authorized-checks";
import { HPCS_FINDINGS, type HpcsCode } from "./findings";
import { hpcsService } from "./service";

/** The checks of HPCS, in the order in which they are shown. */
export async function checkHpcs(context: ProviderContext, input: CheckInput): Promise<CheckOutcome> {
  const run = new IbmCheckRun(hpcsService, context, input);
  const results = await runChecks<HpcsCode>({
    checks:
      "authorizedFor" in input.credential
        ? withoutApiKey(run, input.credential.authorizedFor)
        : withApiKey(run),
    findings: HPCS_FINDINGS,
    params: () => run.params(),
    onError: input.onError,
  });

  return { results, facts: run.facts };
}

function withApiKey(run: IbmCheckRun): Check<HpcsCode>[] {
  const checks = apiKeyChecks(run, "vmwareKmipManager");

  return [
    checks.apiKey,
    checks.serviceId,
    checks.instanceReachable,
    { id: "authorizationFound", run: async () => ({ code: "AUTHORIZATION_NOT_NEEDED" }) },
    checks.platformViewer,
    checks.role,
    checks.standardKeysAllowed,
    checks.crkFound,
    checks.crkIsRootKey,
    inDefaultKeyRing(run),
    checks.crkActive,
    checks.wrapUnwrap,
  ];
}

/** The HPCS instance authorized the KMIP instance, and no API key of a person's is involved. */
function withoutApiKey(run: IbmCheckRun, kmipInstanceId: string): Check<HpcsCode>[] {
  const checks = authorizedChecks(run, kmipInstanceId);

  return [
    checks.apiKey,
    checks.instanceReachable,
    checks.authorizationFound,
    checks.platformViewer,
    checks.vmwareKmipManager,
    checks.standardKeysAllowed,
    checks.crkFound,
    checks.crkIsRootKey,
    inDefaultKeyRing(run),
    checks.crkActive,
    checks.wrapUnwrap,
  ];
}

function inDefaultKeyRing(run: IbmCheckRun): Check<HpcsCode> {
  return {
    id: "crkInDefaultKeyRing",
    needs: ["crkFound"],
    run: async () => ({
      code: run.crk.keyRing === HPCS_KEY_RING ? "CRK_IN_DEFAULT_KEY_RING" : "CRK_NOT_IN_DEFAULT_KEY_RING",
    }),
  };
}
