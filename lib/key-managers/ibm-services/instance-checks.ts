import { parseCrn } from "@/lib/ibm-cloud/crn";
import type { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { chooseEndpoint } from "@/lib/ibm-cloud/resource-controller";
import { expectedOfKeyManager } from "../checks/probe";
import { type ResultOf, type Verdict, waitsFor } from "../checks/run-checks";
import type { KeyProtect } from "../key-protect/adapter";
import type { IbmCheckRun } from "./check-run";
import { readInstance } from "./read-instance";
import { createIbmKeyManager } from "./service";
import { conventionalEndpoint, expected, type IbmVerdict, trouble } from "./verdicts";

/** Whether the resource instance is shown, which takes the platform role Viewer. */
export async function checkViewer<Code extends string>(
  run: IbmCheckRun,
  /** The finding when it is not. */
  missing: (failure: IbmCloudError) => Promise<Verdict<Code>>,
): Promise<IbmVerdict | Verdict<Code>> {
  const crn = parseCrn(run.input.keyManagerCrn);

  if (crn?.service !== run.service.service) {
    return { code: "CRN_INVALID" };
  }

  try {
    run.resource = await readInstance(run.service, run, crn.instance, run.call);

    return { code: "PLATFORM_VIEWER_HELD" };
  } catch (error) {
    const failure = expected(error);

    return failure.failure === "forbidden" || failure.failure === "notFound"
      ? missing(failure)
      : { code: "RESOURCE_CONTROLLER_UNAVAILABLE", params: { cause: failure.message } };
  }
}

/**
 * Whether the instance answers at its address.
 * @param ask asks something that shows whether the role for the next check is there
 */
export async function checkReachable(
  run: IbmCheckRun,
  resultOf: ResultOf,
  ask: (keyManager: KeyProtect) => Promise<void>,
): Promise<IbmVerdict> {
  // Where the instance is, the resource controller knows; if it does not tell, an address known before will do.
  await resultOf("platformViewer");

  const { resource, input, cloud } = run;
  const crn = parseCrn(input.keyManagerCrn);

  if (crn === null || crn.service !== run.service.service) {
    return waitsFor("platformViewer");
  }

  if (resource !== null && resource.state !== "active") {
    return { code: "KEY_MANAGER_INACTIVE", params: { state: resource.state } };
  }

  const known = resource
    ? chooseEndpoint(resource.endpoints, cloud.endpointType)
    : (input.endpoint ?? conventionalEndpoint(cloud, crn.service, crn.region));
  const endpoint = input.givenEndpoint ?? known;

  if (endpoint === null) {
    return resource ? { code: "ENDPOINT_UNKNOWN" } : waitsFor("platformViewer");
  }

  const guid = resource?.guid ?? crn.instance;
  run.facts.keyManager = {
    crn: resource?.crn ?? input.keyManagerCrn,
    guid,
    name: resource?.name ?? "",
    region: resource?.region ?? crn.region,
    endpoint,
  };
  run.keyManager = createIbmKeyManager(run.service, {
    endpoint,
    instanceGuid: guid,
    tokenSource: run.tokens,
    always: true,
    givenByHand: input.givenEndpoint !== null,
  });
  const reached: IbmVerdict = {
    code: isTypedForAuthorization(run) ? "ENDPOINT_TYPED" : "INSTANCE_REACHED",
  };

  try {
    await ask(run.keyManager);

    return reached;
  } catch (error) {
    const failure = expectedOfKeyManager(error);

    // A refusal is an answer, too: whether the role is missing is the next check's matter.
    return failure.failure === "forbidden" ? reached : trouble(failure);
  }
}

/** True for an instance of before, whose endpoint was given although this deployment's own token goes there. */
function isTypedForAuthorization({ input }: IbmCheckRun): boolean {
  return input.givenEndpoint !== null && !("secret" in input.credential);
}

/** True when the instance is called over its public endpoint. */
export function isOverPublic(run: IbmCheckRun): boolean {
  const { public: open, private: closed } = run.resource?.endpoints ?? { public: null, private: null };
  const endpoint = run.facts.keyManager?.endpoint ?? null;

  return endpoint !== null && endpoint === open && endpoint !== closed;
}
