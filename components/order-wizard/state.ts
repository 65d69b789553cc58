import type { Provider, Providers } from "@/components/key-managers/providers";
import type { DiscoverResponse, PermissionReport, RootKey } from "@/lib/api/key-managers/schemas";
import { type Draft, type DraftCertificate, emptyDraft, NOTHING_CHOSEN } from "./draft";

export type WizardState = {
  /** The kinds of key managers that there are to choose from. */
  providers: Providers;
  draft: Draft;
  /** The API key or PIN. */
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
  /** This kind by authorization, before or after the instance is ordered that it names; or with a credential after all. */
  | { type: "authorization"; kind: Draft["kind"]; authorization: boolean; ordered: boolean }
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

type Action<Type extends WizardAction["type"]> = Extract<WizardAction, { type: Type }>;
/** What an action changes; null for nothing. */
type Change = {
  draft?: Partial<Draft>;
  rest?: Partial<Omit<WizardState, "draft" | "idempotencyKey">>;
} | null;

/** A wizard at its start. @param newKey makes idempotency keys */
export function initialState(providers: WizardState["providers"], newKey: () => string): WizardState {
  return {
    providers,
    draft: emptyDraft(providers[0].kind),
    apiKey: "",
    found: null,
    report: null,
    idempotencyKey: newKey(),
  };
}

/** The kind of key manager that is chosen. */
export function providerOf({ providers, draft }: Pick<WizardState, "providers" | "draft">): Provider {
  return providers.find(({ kind }) => kind === draft.kind) ?? providers[0];
}

/**
 * What each change undoes: another key manager has other root keys, another API key or root key makes the
 * permission report say nothing any more.
 */
export function reduce(state: WizardState, action: WizardAction, newKey: () => string): WizardState {
  // A report is no part of the order: the same order may be sent again.
  if (action.type === "report") {
    return { ...state, report: action.report };
  }
  if (action.type === "checked") {
    return isForChoice(state, action) ? { ...state, report: action.report } : state;
  }

  const change = changeOf(state, action);

  return change === null
    ? state
    : {
        ...state,
        ...change.rest,
        draft: { ...state.draft, ...change.draft },
        idempotencyKey: newKey(),
      };
}

function changeOf(state: WizardState, action: Exclude<WizardAction, Action<"report" | "checked">>): Change {
  switch (action.type) {
    case "restore": {
      // A draft of before may have both, which are refused together.
      const endpoint = action.draft.authorization ? "" : action.draft.endpoint;

      return { draft: { ...action.draft, endpoint }, rest: { apiKey: "", found: null, report: null } };
    }
    case "basics":
      return { draft: action.values };
    case "kind":
      return action.kind === state.draft.kind && !state.draft.later
        ? null
        : anotherWay(state, { kind: action.kind, authorization: false, later: false });
    case "authorization":
      return anotherWay(state, {
        kind: action.kind,
        authorization: action.authorization,
        // What is not ordered yet cannot be authorized.
        later: action.authorization && !action.ordered,
      });
    case "later":
      return { draft: { later: action.later, authorization: false } };
    case "apiKey":
      return { rest: { apiKey: action.apiKey, found: null, report: null } };
    case "found":
      return retrieved(state, action);
    case "keyManager": {
      const { crn, name, region } = action.keyManager;

      return crn === state.draft.keyManager?.crn
        ? null
        : { draft: { ...NOTHING_CHOSEN, keyManager: { crn, name, region } }, rest: { report: null } };
    }
    case "endpoint":
      return { draft: { endpoint: action.endpoint }, rest: { report: null } };
    case "keyRing":
      return { draft: { keyRing: action.keyRing } };
    case "rootKey": {
      const { id, name, keyRing } = action.rootKey;

      return id === state.draft.rootKey?.id
        ? null
        : { draft: { rootKey: { id, name, keyRing } }, rest: { report: null } };
    }
    case "certificates":
      return { draft: { certificates: action.certificates } };
  }
}

/** Another kind, or another way to the same. */
function anotherWay(state: WizardState, way: Pick<Draft, "kind" | "authorization" | "later">): Change {
  const before = providerOf(state).credential.type;
  const after = providerOf({ ...state, draft: { ...state.draft, ...way } }).credential.type;

  return {
    draft: { ...way, ...NOTHING_CHOSEN },
    // An API key stays: a service ID may see key managers of several kinds, and who typed one may go back to it. A PIN
    // is none, nor the other way.
    rest: { found: null, report: null, ...(before === after ? {} : { apiKey: "" }) },
  };
}

/** Takes what was found; the only one is chosen by itself, and a choice that is still there stays. */
function retrieved(state: WizardState, { found, kind, apiKey }: Action<"found">): Change {
  // An answer for what was changed meanwhile says nothing about the present choice.
  if (kind !== state.draft.kind || apiKey !== state.apiKey.trim()) {
    return null;
  }

  if (found.keyManagers.some(({ crn }) => crn === state.draft.keyManager?.crn)) {
    return { rest: { found } };
  }

  const [only, second] = found.keyManagers;
  const keyManager = only && !second ? { crn: only.crn, name: only.name, region: only.region } : null;

  return { draft: { ...NOTHING_CHOSEN, keyManager }, rest: { found, report: null } };
}

/** True for the report of the present choice, which may have changed while the checks ran. */
function isForChoice(
  { draft, apiKey }: WizardState,
  { apiKey: askedKey, keyManagerCrn, endpoint, crkId }: Action<"checked">,
): boolean {
  return (
    askedKey === apiKey.trim() &&
    keyManagerCrn === draft.keyManager?.crn &&
    endpoint === draft.endpoint.trim() &&
    crkId === draft.rootKey?.id
  );
}
