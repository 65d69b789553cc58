"use client";

import { useEffect, useReducer, useState } from "react";
import { parseDraft } from "./draft";
import { initialState, reduce, type WizardAction, type WizardState } from "./state";

const newKey = () => crypto.randomUUID();

type Options = {
  storageKey: string;
  /** Of the instance that is activated. */
  instanceId: string | undefined;
  providers: WizardState["providers"];
};

/**
 * The wizard's state, its draft kept in this tab's session storage under `storageKey`. `ready` is false until a
 * stored draft was read, so that nothing is drawn that would change under the reader's eyes.
 */
export function useWizard({ storageKey, instanceId, providers }: Options) {
  const [state, dispatch] = useReducer(
    (current: WizardState, action: WizardAction) => reduce(current, action, newKey),
    undefined,
    () => initialState(providers, newKey),
  );
  const [ready, setReady] = useState(false);
  const [restored, setRestored] = useState(false);
  const offered = state.providers;

  useEffect(() => {
    const draft = parseDraft(window.sessionStorage.getItem(storageKey), offered);

    if (draft) {
      dispatch({ type: "restore", draft });
      setRestored(draft.keyManager !== null && !draft.later && !draft.authorization);
    }

    setReady(true);
  }, [storageKey, offered]);

  useEffect(() => {
    if (ready) {
      window.sessionStorage.setItem(storageKey, JSON.stringify(state.draft));
    }
  }, [ready, storageKey, state.draft]);

  return {
    state,
    dispatch,
    ready,
    instanceId,
    /** A draft came back whose API key did not. */
    needsApiKeyAgain: restored && state.apiKey === "",
    forget: () => window.sessionStorage.removeItem(storageKey),
  };
}

export type Wizard = ReturnType<typeof useWizard>;
