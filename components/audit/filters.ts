import { parseAsString, parseAsStringLiteral } from "nuqs/server";
import { defineFilters, type FilterValues } from "@/components/data-table/define-filters";
import { auditOutcome, auditSeverity } from "@/lib/api/audit-events/schemas";

export const RANGES = ["15m", "1h", "24h", "7d", "30d", "all"] as const;
type Range = (typeof RANGES)[number];

const MINUTE = 60_000;
const SPANS: Record<Exclude<Range, "all">, number> = {
  "15m": 15 * MINUTE,
  "1h": 60 * MINUTE,
  "24h": 24 * 60 * MINUTE,
  "7d": 7 * 24 * 60 * MINUTE,
  "30d": 30 * 24 * 60 * MINUTE,
};

export const AUDIT_PER_PAGE = 100;

/** Filters as they stand in the URL. `from` and `to` are exact bounds and win over `range`. */
export const auditFilters = defineFilters(
  {
    range: parseAsStringLiteral(RANGES).withDefault("24h"),
    from: parseAsString,
    to: parseAsString,
    action: parseAsString,
    outcome: parseAsStringLiteral(auditOutcome.options),
    severity: parseAsStringLiteral(auditSeverity.options),
    instanceId: parseAsString,
    targetId: parseAsString,
    initiator: parseAsString,
    q: parseAsString.withDefault(""),
  },
  { beside: ["range", "from", "to"] },
);

export const loadAuditFilters = auditFilters.load;
export type AuditFilters = FilterValues<typeof auditFilters>;

/** Display choices of the audit page; they change no query. */
export const auditViewParsers = {
  zone: parseAsStringLiteral(["local", "utc"] as const).withDefault("local"),
  event: parseAsString,
};

/** A time of the URL as the API wants it; text that is no time counts as absent. */
function timeOf(text: string | null): string | undefined {
  if (text === null) {
    return undefined;
  }
  const time = new Date(text);

  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/**
 * The API's filters. A relative range starts a fixed time before `anchor` (RFC 3339): the moment the page was
 * made or refreshed, so that the query stays the same while somebody reads, on the server and in the browser.
 */
export function auditQueryOf(filters: AuditFilters, anchor: string, instanceId?: string) {
  const from = timeOf(filters.from);
  const to = timeOf(filters.to);
  const relative =
    from === undefined && to === undefined && filters.range !== "all"
      ? new Date(floorMinute(anchor) - SPANS[filters.range]).toISOString()
      : undefined;

  return {
    from: from ?? relative,
    to,
    action: filters.action ?? undefined,
    outcome: filters.outcome ?? undefined,
    severity: filters.severity ?? undefined,
    instanceId: instanceId ?? uuidOf(filters.instanceId),
    targetId: filters.targetId ?? undefined,
    initiator: filters.initiator ?? undefined,
    q: filters.q || undefined,
  };
}

function floorMinute(time: string): number {
  return Math.floor(new Date(time).getTime() / MINUTE) * MINUTE;
}

function uuidOf(text: string | null): string | undefined {
  return text !== null && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text : undefined;
}

/** Actions offered as filter. One that ends with a dot stands for all that start so. */
export const ACTION_FILTERS = [
  { key: "keys", value: "vmware-solutions.kmip-key." },
  { key: "read", value: "vmware-solutions.kmip-key.read" },
  { key: "create", value: "vmware-solutions.kmip-key.create" },
  { key: "revoke", value: "vmware-solutions.kmip-key.revoke" },
  { key: "destroy", value: "vmware-solutions.kmip-key.destroy" },
  { key: "certificates", value: "vmware-solutions.kmip-certificate." },
  { key: "instances", value: "vmware-solutions.service." },
  { key: "checks", value: "vmware-solutions.permission-check." },
  { key: "sessions", value: "vmware-solutions.session." },
  { key: "members", value: "vmware-solutions.member." },
  { key: "tokens", value: "vmware-solutions.token." },
  { key: "log", value: "vmware-solutions.audit-event." },
] as const;
