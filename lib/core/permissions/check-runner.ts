import { CHECK_TITLES, describeFinding, type FindingCode, type FindingParams } from "./findings";
import type { PermissionCheckId, PermissionCheckItem } from "./report";

/** What a check found: a code and the values that its words use. */
export type Verdict = { readonly code: FindingCode; readonly params?: FindingParams };

/**
 * Runs checks that need one another. Each starts as soon as those before it are done, so that independent ones run
 * side by side; one whose need failed is skipped and says for what it waits.
 */
export function createCheckRunner(options: {
  /** Values known so far, for the words of every check. */
  params: () => FindingParams;
  /** Told of an error that a check did not expect; the check itself says CHECK_BROKE. */
  onError?: ((error: unknown) => void) | undefined;
}) {
  const results = new Map<PermissionCheckId, Promise<PermissionCheckItem>>();

  function item(id: PermissionCheckId, verdict: Verdict, durationMs: number): PermissionCheckItem {
    const params = withoutEmpty({ ...options.params(), ...verdict.params });

    return {
      id,
      title: CHECK_TITLES[id],
      ...describeFinding(verdict.code, params),
      code: verdict.code,
      ...(Object.keys(params).length > 0 ? { params } : {}),
      durationMs,
    };
  }

  async function run(
    id: PermissionCheckId,
    needs: readonly PermissionCheckId[],
    body: () => Promise<Verdict>,
  ): Promise<PermissionCheckItem> {
    for (const need of needs) {
      const result = await results.get(need);

      if (result === undefined || blocks(result)) {
        // The check at the root of it, so that the reader mends the right one first.
        const root = result?.code === "WAITS_FOR" ? result.params?.check : need;

        return item(id, waitsFor((root ?? need) as PermissionCheckId), 0);
      }
    }

    const startedAt = performance.now();
    const elapsed = () => Math.round((performance.now() - startedAt) * 10) / 10;

    try {
      const verdict = await body();

      return item(id, verdict, elapsed());
    } catch (error) {
      options.onError?.(error);

      return item(id, { code: "CHECK_BROKE" }, elapsed());
    }
  }

  return {
    /** Adds a check; it starts at once or when its needs are done. */
    add(id: PermissionCheckId, needs: readonly PermissionCheckId[], body: () => Promise<Verdict>): void {
      results.set(id, run(id, needs, body));
    },
    /** The result of a check that was added before. */
    result(id: PermissionCheckId): Promise<PermissionCheckItem> | undefined {
      return results.get(id);
    },
    /** All results in the given order, when the last is there. */
    collect(order: readonly PermissionCheckId[]): Promise<PermissionCheckItem[]> {
      return Promise.all(order.flatMap((id) => results.get(id) ?? []));
    },
  };
}

/** The verdict of a check that could not run because another one failed. */
export function waitsFor(check: PermissionCheckId): Verdict {
  return { code: "WAITS_FOR", params: { check, checkTitle: CHECK_TITLES[check] } };
}

function blocks(result: PermissionCheckItem): boolean {
  return result.status === "fail" || result.code === "WAITS_FOR";
}

function withoutEmpty(params: FindingParams): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ""));
}
