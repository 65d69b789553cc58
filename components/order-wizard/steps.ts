import { minLengthOf } from "@/components/key-managers/providers";
import { certificateText } from "@/lib/api/client-certificates/schemas";
import { displayName } from "@/lib/api/contract/common";
import { type CreateInstanceRequest, region } from "@/lib/api/instances/schemas";
import type { Draft } from "./draft";
import { providerOf, type WizardState } from "./state";

/** Steps of ordering; activating an ordered instance has no Basics. */
export const STEPS = ["basics", "key-manager", "root-key", "certificates", "review"] as const;
export type Step = (typeof STEPS)[number];

export type Mode = "order" | "activate";

/** Steps of a mode and choice, in order. */
export function stepsOf(mode: Mode, draft: Draft): readonly Step[] {
  return STEPS.filter(
    (step) => !(mode === "activate" && step === "basics") && !(draft.later && step === "root-key"),
  );
}

/** True when a step holds everything that the next ones need. */
export function isComplete(step: Step, state: WizardState): boolean {
  const { draft, report } = state;

  switch (step) {
    case "basics":
      return displayName.safeParse(draft.name).success && region.safeParse(draft.region).success;
    case "key-manager":
      return draft.later || (draft.keyManager !== null && (draft.authorization || isEnough(state)));
    case "root-key":
      return draft.rootKey !== null && report?.ok === true;
    case "certificates":
      return draft.certificates.every(
        ({ name, pem }) => displayName.safeParse(name).success && certificateText.safeParse(pem).success,
      );
    case "review":
      return false;
  }
}

/** True when the API key or PIN is long enough to be one. */
export function isEnough(state: WizardState): boolean {
  return state.apiKey.trim().length >= minLengthOf(providerOf(state));
}

/** The step that can be shown: the wanted one, or the first before it that is not complete. */
export function reachableStep(wanted: Step | null, mode: Mode, state: WizardState): Step {
  const steps = stepsOf(mode, state.draft);
  const index = wanted === null ? 0 : Math.max(0, steps.indexOf(wanted));
  const open = steps.slice(0, index).find((step) => !isComplete(step, state));

  return open ?? steps[index] ?? "review";
}

/** The order as the API takes it. Call only when every step is complete. */
export function orderOf({ draft, apiKey }: WizardState): CreateInstanceRequest {
  const { keyManager, rootKey } = draft;

  return {
    name: draft.name.trim(),
    region: draft.region.trim(),
    ...(draft.resourceGroup.trim() === "" ? {} : { resourceGroup: draft.resourceGroup.trim() }),
    ...(draft.later || keyManager === null || rootKey === null
      ? {}
      : {
          keyManager: {
            kind: draft.kind,
            ...(draft.authorization ? {} : { apiKey: apiKey.trim() }),
            crn: keyManager.crn,
            ...(draft.endpoint.trim() === "" ? {} : { endpoint: draft.endpoint.trim() }),
            keyRing: rootKey.keyRing,
            crkId: rootKey.id,
          },
        }),
    ...(draft.certificates.length === 0
      ? {}
      : { clientCertificates: draft.certificates.map(({ name, pem }) => ({ name: name.trim(), pem })) }),
  };
}

/** With what the key manager is asked before anything is kept. */
export function credentialsOf(
  { draft, apiKey }: WizardState,
  instanceId: string | undefined,
): { apiKey?: string; instanceId?: string } {
  if (!draft.authorization) {
    return { apiKey: apiKey.trim() };
  }

  return instanceId === undefined ? {} : { instanceId };
}
