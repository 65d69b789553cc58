import { type CheckOutcome, runChecks } from "../checks/run-checks";
import { apiKeyChecks } from "../ibm-services/api-key-checks";
import { IbmCheckRun } from "../ibm-services/check-run";
import { IBM_FINDINGS } from "../ibm-services/findings";
import type { CheckInput, ProviderContext } from "../provider";
import { keyProtectService } from "./service";

/** The checks of Key Protect, in the order in which they are shown. */
export async function checkKeyProtect(context: ProviderContext, input: CheckInput): Promise<CheckOutcome> {
  const run = new IbmCheckRun(keyProtectService, context, input);
  const checks = apiKeyChecks(run, "serviceManager");
  const results = await runChecks({
    checks: [
      checks.apiKey,
      checks.serviceId,
      checks.instanceReachable,
      checks.platformViewer,
      checks.role,
      checks.standardKeysAllowed,
      checks.crkFound,
      checks.crkIsRootKey,
      checks.crkActive,
      checks.wrapUnwrap,
    ],
    findings: IBM_FINDINGS,
    params: () => run.params(),
    onError: input.onError,
  });

  return { results, facts: run.facts };
}
