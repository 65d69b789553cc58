import { type Actor, requireRole } from "../actor";
import { AppError } from "../errors";
import { search } from "../search";
import { type AuditFilters, auditConditions } from "./filters";
import { NARROWS_AUDIT } from "./list-audit-events";

export type AuditHistogram = {
  readonly bucketSeconds: number;
  /** Every bucket of the range in order, empty ones too. */
  readonly buckets: readonly {
    readonly start: Date;
    readonly success: number;
    readonly failure: number;
    readonly pending: number;
  }[];
};

const WIDTHS = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000];
const MAX_BUCKETS = 60;
const DAY_MS = 86_400_000;
const MAX_RANGE_MS = 1_830 * DAY_MS;

/**
 * How many events of each outcome there were over time. Without `from` it is the day up to `to` (default: now).
 * @throws AppError FORBIDDEN, VALIDATION_FAILED when the range is empty or longer than five years, SEARCH_TOO_BROAD,
 *   RATE_LIMITED
 */
export async function auditHistogram(
  actor: Actor,
  filters: AuditFilters,
  options: { readonly now?: Date; readonly signal?: AbortSignal } = {},
): Promise<AuditHistogram> {
  requireRole(actor, "viewer");

  const to = filters.to ?? options.now ?? new Date();
  const from = filters.from ?? new Date(to.getTime() - DAY_MS);
  const range = to.getTime() - from.getTime();

  if (range <= 0 || range > MAX_RANGE_MS) {
    throw new AppError("VALIDATION_FAILED", "The time range is empty or too long.", {
      invalidParams: [{ name: "from", code: "range", reason: "is before `to`, by five years at most" }],
    });
  }

  const seconds = range / 1_000;
  const bucketSeconds = WIDTHS.find((width) => seconds / width <= MAX_BUCKETS) ?? 2_592_000;
  const where = auditConditions(actor, { ...filters, from, to });
  const width = where.parameter(bucketSeconds);
  const { rows } = await search(actor, { narrow: NARROWS_AUDIT, signal: options.signal }, (db) =>
    db.query<{ bucket: string; outcome: string; events: string }>(
      `SELECT (floor(extract(epoch FROM e.event_time) / ${width}::bigint))::bigint AS bucket, e.outcome,
              count(*) AS events
       FROM audit_event e WHERE ${where.text()} GROUP BY 1, 2`,
      where.values,
    ),
  );
  const counted = new Map(rows.map((row) => [`${row.bucket} ${row.outcome}`, Number(row.events)]));
  const first = Math.floor(from.getTime() / 1_000 / bucketSeconds);
  const last = Math.floor(to.getTime() / 1_000 / bucketSeconds);

  return {
    bucketSeconds,
    buckets: Array.from({ length: last - first + 1 }, (_, offset) => {
      const bucket = first + offset;
      const count = (outcome: string) => counted.get(`${bucket} ${outcome}`) ?? 0;

      return {
        start: new Date(bucket * bucketSeconds * 1_000),
        success: count("success"),
        failure: count("failure"),
        pending: count("pending"),
      };
    }),
  };
}
