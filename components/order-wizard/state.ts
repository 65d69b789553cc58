import { z } from "zod";
import { certificateText } from "@/lib/api/client-certificates/schemas";
import { displayName, keyManagerKind } from "@/lib/api/contract/common";
import { type CreateInstanceRequest, region } from "@/lib/api/instances/schemas";
import {
  type DiscoverResponse,
  MIN_API_KEY,
  MIN_PIN,
  type PermissionReport,
  type RootKey,
} from "@/lib/api/key-managers/schemas";

/** Steps of ordering; activating an ordered instance has no Basics. */
export const STEPS = ["basics", "key-manager", "root-key", "certificates", "review"] as const;
export type Step = (typeof STEPS)[number];

export type Mode = "order" | "activate";

/**
 * What survives a reload, in this tab's session storage. The API key is no part of it: it is kept in memory
 * only and has to be entered again.
 */
export const draftSchema = z.object({
  name: z.string(),
  region: z.string(),
  resourceGroup: z.string(),
  kind: keyManagerKind,
  /** HPCS without an API key: the HPCS instance authorizes the ordered instance. */
  authorization: z.boolean().default(false),
  /** The key manager is chosen after ordering. */
  later: z.boolean(),
  keyManager: z.object({ crn: z.string(), name: z.string(), region: z.string() }).nullable(),
  /** Base URL in place of the one that IBM Cloud names; empty for that one. */
  endpoint: z.string().default(""),
  /** Filter of the root keys; null shows all key rings. */
  keyRing: z.string().nullable(),
  rootKey: z.object({ id: z.string(), name: z.string(), keyRing: z.string() }).nullable(),
  certificates: z.array(
    z.object({
      name: z.string(),
      pem: z.string(),
      sha256: z.string(),
      subject: z.string(),
      notAfter: z.string(),
    }),
  ),
});

export type Draft = z.output<typeof draftSchema>;
export type DraftCertificate = Draft["certificates"][number];

export type WizardState = {
  draft: Draft;
  apiKey: string;
  /** What "Retrieve" found with this API key. */
  found: DiscoverResponse | null;
  /** Permission report of exactly the present choice. */
  report: PermissionReport | null;
  /** Sent with the order, so that a repeated click or a lost answer orders once. New for each new content. */
  idempotencyKey: string;
};

export type WizardAction =
  | { type: "restore"; draft: Draft }
  | { type: "basics"; values: Partial<Pick<Draft, "name" | "region" | "resourceGroup">> }
  | { type: "kind"; kind: Draft["kind"] }
  /** HPCS by authorization, which names an ordered instance; or with an API key after all. */
  | { type: "authorization"; authorization: boolean; mode: Mode }
  | { type: "later"; later: boolean }
  | { type: "apiKey"; apiKey: string }
  /** What was found, and what it was asked with. */
  | { type: "found"; found: DiscoverResponse; kind: Draft["kind"]; apiKey: string }
  | { type: "keyManager"; keyManager: NonNullable<Draft["keyManager"]> }
  | { type: "endpoint"; endpoint: string }
  | { type: "keyRing"; keyRing: string | null }
  | { type: "rootKey"; rootKey: Pick<RootKey, "id" | "name" | "keyRing"> }
  /** A report, and for which choice it was made. */
  | {
      type: "checked";
      report: PermissionReport;
      apiKey: string;
      keyManagerCrn: string;
      endpoint: string;
      crkId: string;
    }
  /** The report of an order that was refused, or none while the checks run again. */
  | { type: "report"; report: PermissionReport | null }
  | { type: "certificates"; certificates: DraftCertificate[] };

export const EMPTY_DRAFT: Draft = {
  name: "",
  region: "",
  resourceGroup: "",
  kind: "key-protect",
  authorization: false,
  later: false,
  keyManager: null,
  endpoint: "",
  keyRing: null,
  rootKey: null,
  certificates: [],
};

/** A wizard at its start. @param newKey makes idempotency keys */
export function initialState(newKey: () => string): WizardState {
  return { draft: EMPTY_DRAFT, apiKey: "", found: null, report: null, idempotencyKey: newKey() };
}

/**
 * What each change undoes: another key manager has other root keys, another API key or root key makes the
 * permission report say nothing any more.
 */
export function reduce(state: WizardState, action: WizardAction, newKey: () => string): WizardState {
  const draft = (patch: Partial<Draft>, rest: Partial<WizardState> = {}): WizardState => ({
    ...state,
    ...rest,
    draft: { ...state.draft, ...patch },
    idempotencyKey: newKey(),
  });

  switch (action.type) {
    case "restore":
      return draft(action.draft, { apiKey: "", found: null, report: null });
    case "basics":
      return draft(action.values);
    case "kind":
      return action.kind === state.draft.kind && !state.draft.later
        ? state
        : draft(
            {
              kind: action.kind,
              authorization: false,
              later: false,
              keyManager: null,
              endpoint: "",
              keyRing: null,
              rootKey: null,
            },
            // The API key stays: a service ID may see key managers of several kinds. A PIN is none, nor the other way.
            {
              found: null,
              report: null,
              ...((action.kind === "pkcs11") === (state.draft.kind === "pkcs11") ? {} : { apiKey: "" }),
            },
          );
    case "authorization":
      return draft(
        {
          kind: "hpcs",
          authorization: action.authorization,
          // What is not ordered yet cannot be authorized.
          later: action.authorization && action.mode === "order",
          keyManager: null,
          endpoint: "",
          keyRing: null,
          rootKey: null,
        },
        // An API key that was typed stays for who goes back to it; nothing is asked with it.
        { found: null, report: null, ...(state.draft.kind === "pkcs11" ? { apiKey: "" } : {}) },
      );
    case "later":
      return draft({ later: action.later, authorization: false });
    case "apiKey":
      return draft({}, { apiKey: action.apiKey, found: null, report: null });
    case "found": {
      // An answer for what was changed meanwhile says nothing about the present choice.
      if (action.kind !== state.draft.kind || action.apiKey !== state.apiKey.trim()) {
        return state;
      }

      const still = action.found.keyManagers.some(({ crn }) => crn === state.draft.keyManager?.crn);
      const [only, second] = action.found.keyManagers;
      const keyManager = still
        ? state.draft.keyManager
        : only && !second
          ? { crn: only.crn, name: only.name, region: only.region }
          : null;

      return still
        ? draft({}, { found: action.found })
        : draft(
            { keyManager, endpoint: "", keyRing: null, rootKey: null },
            { found: action.found, report: null },
          );
    }
    case "keyManager": {
      const { crn, name, region: at } = action.keyManager;

      return crn === state.draft.keyManager?.crn
        ? state
        : draft(
            { keyManager: { crn, name, region: at }, endpoint: "", keyRing: null, rootKey: null },
            { report: null },
          );
    }
    case "endpoint":
      return draft({ endpoint: action.endpoint }, { report: null });
    case "keyRing":
      return draft({ keyRing: action.keyRing });
    case "rootKey": {
      const { id, name, keyRing } = action.rootKey;

      return id === state.draft.rootKey?.id
        ? state
        : draft({ rootKey: { id, name, keyRing } }, { report: null });
    }
    case "checked":
      // The choice may have changed while the checks ran.
      return action.apiKey === state.apiKey.trim() &&
        action.keyManagerCrn === state.draft.keyManager?.crn &&
        action.endpoint === state.draft.endpoint.trim() &&
        action.crkId === state.draft.rootKey?.id
        ? { ...state, report: action.report }
        : state;
    case "report":
      return { ...state, report: action.report };
    case "certificates":
      return draft({ certificates: action.certificates });
  }
}

/** Steps of a mode and choice, in order. */
export function stepsOf(mode: Mode, draft: Draft): readonly Step[] {
  return STEPS.filter(
    (step) => !(mode === "activate" && step === "basics") && !(draft.later && step === "root-key"),
  );
}

/** True when a step holds everything that the next ones need. */
export function isComplete(step: Step, { draft, apiKey, report }: WizardState): boolean {
  switch (step) {
    case "basics":
      return displayName.safeParse(draft.name).success && region.safeParse(draft.region).success;
    case "key-manager":
      return (
        draft.later ||
        (draft.keyManager !== null &&
          (draft.authorization || apiKey.trim().length >= (draft.kind === "pkcs11" ? MIN_PIN : MIN_API_KEY)))
      );
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

/** The draft with which an instance that was ordered for HPCS is activated. */
export const AUTHORIZATION_DRAFT: Draft = { ...EMPTY_DRAFT, kind: "hpcs", authorization: true };

/** Where the draft of activating an instance is kept. */
export function activationKey(instanceId: string): string {
  return `activate-${instanceId}`;
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

/** A stored draft, or null when there is none that can be read. */
export function parseDraft(text: string | null): Draft | null {
  if (text === null) {
    return null;
  }

  try {
    const result = draftSchema.safeParse(JSON.parse(text));

    return result.success ? result.data : null;
  } catch {
    // Session storage is the reader's: what is no draft of ours is left out.
    return null;
  }
}
