import { expectedOfKeyManager, probeWrap } from "../checks/probe";
import type { Check, Verdict } from "../checks/run-checks";
import type { IbmCheckRun } from "./check-run";
import type { IbmCode } from "./findings";
import { type IbmVerdict, judgeCrkState, trouble } from "./verdicts";

/** The finding when a root key may not be read or used, in place of the given one. */
export type Refused<Code extends string> = (
  code: "CRK_FORBIDDEN" | "WRAP_FORBIDDEN",
) => Promise<Verdict<Code>>;

/**
 * The checks of the root key.
 * @param needs what comes before them
 * @param refused see Refused
 */
export function rootKeyChecks<Code extends string>(
  run: IbmCheckRun,
  needs: readonly string[],
  refused: Refused<Code>,
): Record<"crkFound" | "crkIsRootKey" | "crkActive" | "wrapUnwrap", Check<IbmCode | Code>> {
  return {
    crkFound: { id: "crkFound", needs, run: () => checkCrkFound(run, refused) },
    crkIsRootKey: {
      id: "crkIsRootKey",
      needs: ["crkFound"],
      run: async () => ({ code: run.crk.isRootKey ? "CRK_IS_ROOT_KEY" : "CRK_IS_STANDARD_KEY" }),
    },
    crkActive: {
      id: "crkActive",
      needs: ["crkFound", "crkIsRootKey"],
      run: async () => judgeCrkState(run.crk),
    },
    wrapUnwrap: {
      id: "wrapUnwrap",
      needs: ["crkIsRootKey", "crkActive"],
      run: () => checkWrapUnwrap(run, refused),
    },
  };
}

async function checkCrkFound<Code extends string>(
  run: IbmCheckRun,
  refused: Refused<Code>,
): Promise<IbmVerdict | Verdict<Code>> {
  const { input } = run;

  try {
    run.crk = await run.keyManager.readKeyMetadata(input.crkId, run.call);
  } catch (error) {
    const failure = expectedOfKeyManager(error);

    switch (failure.failure) {
      case "notFound":
        return { code: "CRK_NOT_FOUND" };
      case "deleted":
        return { code: "CRK_DESTROYED", params: { crkName: input.crkId } };
      case "forbidden":
        return refused("CRK_FORBIDDEN");
      default:
        return trouble(failure);
    }
  }

  const { id, name, state, currentVersion, keyRing, isRootKey } = run.crk;

  if (isRootKey) {
    run.facts.crk = { id, name, state, currentVersion, keyRing };
  }

  return input.keyRing && run.service.onlyKeyRing === undefined && input.keyRing !== keyRing
    ? { code: "CRK_OTHER_KEY_RING", params: { wantedKeyRing: input.keyRing } }
    : { code: "CRK_FOUND" };
}

async function checkWrapUnwrap<Code extends string>(
  run: IbmCheckRun,
  refused: Refused<Code>,
): Promise<IbmVerdict | Verdict<Code>> {
  try {
    return (await probeWrap(run.keyManager, run.crk.id, run.call))
      ? { code: "WRAP_UNWRAP_WORKS" }
      : { code: "PROBE_CHANGED" };
  } catch (error) {
    const failure = expectedOfKeyManager(error);

    switch (failure.failure) {
      case "forbidden":
        return refused("WRAP_FORBIDDEN");
      case "keyState":
        // Disabled or deleted since its metadata was read, a moment ago.
        return { code: "CRK_DISABLED" };
      case "deleted":
        return { code: "CRK_DESTROYED" };
      default:
        return trouble(failure);
    }
  }
}
