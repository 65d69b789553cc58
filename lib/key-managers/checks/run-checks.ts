import type { KeyManagerKeyState } from "../key-manager";

export type CheckStatus = "pass" | "fail" | "warn" | "skipped";

/** Values that the texts of a finding name; all of them are shown to people, so none is a secret. */
export type Params = { readonly [name: string]: string };

/** What a code says about a check, and the command that mends it. Its texts stand in the messages. */
export type Finding = { readonly status: CheckStatus; readonly command?: (params: Params) => string };

export type Findings = { readonly [code: string]: Finding };

/** What the checks of every kind can find. */
export const RUNNER_FINDINGS = {
  WAITS_FOR: { status: "skipped" },
  CHECK_BROKE: { status: "fail" },
} as const satisfies Findings;

type RunnerCode = keyof typeof RUNNER_FINDINGS;

/**
 * What a check found: a code and the values that its texts name. Some are codes themselves, which the messages word:
 * `keyManagerCode` (of the key manager, instead of `cause`), `whyCode` (why a role is missing) and `check`.
 */
export type Verdict<Code extends string> = {
  readonly code: Code | RunnerCode;
  readonly params?: Params;
};

export type CheckResult = {
  readonly id: string;
  readonly status: CheckStatus;
  readonly code: string;
  readonly params: Params;
  readonly command?: string;
  readonly durationMs: number;
};

/** The result of another check, which starts if it has not yet. */
export type ResultOf = (id: string) => Promise<CheckResult>;

export type Check<Code extends string> = {
  readonly id: string;
  /** It starts when these are done, and is skipped when one of them failed. */
  readonly needs?: readonly string[];
  /** @param resultOf for checks that wait for others without needing that they pass */
  run(resultOf: ResultOf): Promise<Verdict<Code>>;
};

/** What checks learned, for callers that keep it. Null where a check did not get that far. */
export type CheckFacts = {
  iamId: string | null;
  serviceId: string | null;
  serviceIdName: string | null;
  keyManager: {
    crn: string;
    guid: string;
    name: string;
    region: string;
    /** The address to use: a base URL without `/api/v2`, a PKCS#11 URI … */
    endpoint: string;
  } | null;
  crk: {
    id: string;
    name: string;
    state: KeyManagerKeyState;
    currentVersion: string | null;
    keyRing: string;
  } | null;
};

export type CheckOutcome = { readonly results: readonly CheckResult[]; readonly facts: CheckFacts };

/** What checks know at their beginning. */
export const noFacts = (): CheckFacts => ({
  iamId: null,
  serviceId: null,
  serviceIdName: null,
  keyManager: null,
  crk: null,
});

/**
 * Runs checks that need one another. Each starts as soon as those before it are done, so that independent ones run
 * side by side; one whose need failed is skipped and says for what it waits.
 * @returns the results in the order of `checks`, when the last is there
 */
export function runChecks<Code extends string>(options: {
  readonly checks: readonly Check<Code>[];
  readonly findings: { readonly [code in Code]: Finding };
  /** Values known so far, for the texts of every check. */
  readonly params: () => Params;
  /** Told of an error that a check did not expect; the check itself says CHECK_BROKE. */
  readonly onError?: ((error: unknown) => void) | undefined;
}): Promise<CheckResult[]> {
  const findings: Findings = { ...options.findings, ...RUNNER_FINDINGS };
  const started = new Map<string, Promise<CheckResult>>();

  function result(id: string, verdict: Verdict<Code>, durationMs: number): CheckResult {
    const finding = findings[verdict.code];

    if (finding === undefined) {
      throw new Error(`The code ${verdict.code} is none of the findings of these checks.`);
    }

    const params = withoutEmpty({ ...options.params(), ...verdict.params });

    return {
      id,
      status: finding.status,
      code: verdict.code,
      params,
      ...(finding.command ? { command: finding.command(params) } : {}),
      durationMs,
    };
  }

  async function run({ id, needs = [], run: body }: Check<Code>): Promise<CheckResult> {
    for (const need of needs) {
      const before = await resultOf(need);

      if (blocks(before)) {
        // The check at the root of it, so that the reader mends the right one first.
        const root = before.code === "WAITS_FOR" ? before.params.check : need;

        return result(id, waitsFor(root ?? need), 0);
      }
    }

    const startedAt = performance.now();
    const elapsed = () => Math.round((performance.now() - startedAt) * 10) / 10;

    try {
      return result(id, await body(resultOf), elapsed());
    } catch (error) {
      options.onError?.(error);

      return result(id, { code: "CHECK_BROKE" }, elapsed());
    }
  }

  function resultOf(id: string): Promise<CheckResult> {
    const known = started.get(id);

    if (known !== undefined) {
      return known;
    }

    const check = options.checks.find((candidate) => candidate.id === id);

    if (check === undefined) {
      return Promise.reject(new Error(`There is no check ${id}.`));
    }

    // Not before it is noted as started: checks ask for one another.
    const begun = Promise.resolve().then(() => run(check));
    started.set(id, begun);

    return begun;
  }

  return Promise.all(options.checks.map(({ id }) => resultOf(id)));
}

/** The verdict of a check that could not run because another one failed. */
export function waitsFor(check: string): Verdict<never> {
  return { code: "WAITS_FOR", params: { check } };
}

function blocks(result: CheckResult): boolean {
  return result.status === "fail" || result.code === "WAITS_FOR";
}

function withoutEmpty(params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ""));
}
