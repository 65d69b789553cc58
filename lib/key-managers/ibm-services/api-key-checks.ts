import type { Check } from "../checks/run-checks";
import type { InstancePolicy } from "../key-protect/wire";
import type { IbmCheckRun } from "./check-run";
import { checkApiKey, checkServiceId } from "./credential-checks";
import type { IbmCode } from "./findings";
import { checkReachable, checkViewer, isOverPublic } from "./instance-checks";
import { judgeInstancePolicies } from "./instance-policies";
import { rootKeyChecks } from "./root-key-checks";

type CheckOf<Id extends string> = { readonly [id in Id]: Check<IbmCode> };

/**
 * The checks with an API key: reading the resource instance proves the platform role Viewer, reading the instance
 * policies proves the service role Manager, a random probe that is wrapped and unwrapped proves the root key.
 * @param role id of the check of the service role
 */
export function apiKeyChecks(
  run: IbmCheckRun,
  role: string,
): CheckOf<"apiKey" | "serviceId" | "instanceReachable" | "platformViewer" | "role" | "standardKeysAllowed"> &
  ReturnType<typeof rootKeyChecks<IbmCode>> {
  let policies: InstancePolicy[] | null = null;

  return {
    apiKey: { id: "apiKey", run: () => checkApiKey(run) },
    serviceId: { id: "serviceId", needs: ["apiKey"], run: () => checkServiceId(run) },
    platformViewer: {
      id: "platformViewer",
      needs: ["apiKey"],
      run: () =>
        checkViewer<IbmCode>(run, async ({ failure }) => ({
          code: failure === "forbidden" ? "PLATFORM_VIEWER_MISSING" : "KEY_MANAGER_NOT_FOUND",
          params: await run.explain("Viewer"),
        })),
    },
    instanceReachable: {
      id: "instanceReachable",
      needs: ["apiKey"],
      run: (resultOf) =>
        checkReachable(run, resultOf, async (keyManager) => {
          policies = await keyManager.readInstancePolicies(run.call);
        }),
    },
    role: {
      id: role,
      needs: ["instanceReachable"],
      run: async () =>
        policies === null
          ? { code: "SERVICE_MANAGER_MISSING", params: await run.explain("Manager") }
          : { code: "SERVICE_MANAGER_HELD" },
    },
    standardKeysAllowed: {
      id: "standardKeysAllowed",
      needs: [role],
      run: async () => judgeInstancePolicies(policies ?? [], isOverPublic(run)),
    },
    ...rootKeyChecks<IbmCode>(run, [role], async (code) => ({ code, params: await run.explain("Manager") })),
  };
}
