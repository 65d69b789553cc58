import type { AuditEventInput } from "./event";
import { type CadfEvent, cadfText, formatEventTime, hostText, parseCrn } from "./event-to-cadf";
import { TextTemplate } from "./text-template";

/** The columns of an event that lists filter by; all of them can be derived from `event`. */
export type EventRow = {
  readonly id: string;
  readonly accountId: string | null;
  readonly instanceId: string | null;
  readonly eventTime: Date;
  readonly action: string;
  readonly outcome: string;
  readonly severity: string;
  readonly initiatorId: string;
  readonly initiatorName: string;
  readonly targetId: string;
  readonly targetName: string | null;
  readonly event: string;
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Index entries of PostgreSQL end near 2,700 bytes; four of these fit with room. */
const MAX_KEY_CHARACTERS = 256;
const MAX_TEXT_CHARACTERS = 2_000;

/** What nearly no text has: NUL, or halves of surrogate pairs. */
const SUSPECT = /[\0\ud800-\udfff]/;

/** Text that PostgreSQL takes and an index holds: no NUL, no lone surrogates, bounded. */
function bounded(text: string, max: number): string {
  const cut = text.length > max ? text.slice(0, max) : text;

  if (!SUSPECT.test(cut)) {
    return cut;
  }

  const short = cut.replaceAll("\0", "");

  // UTF-8 has no lone surrogates: the round trip writes U+FFFD for them.
  return Buffer.from(short, "utf8").toString("utf8");
}

function key(text: string): string {
  return bounded(text, MAX_KEY_CHARACTERS);
}

/** Values inside of requestData and responseData, so that the text is also valid as jsonb. */
function jsonSafe(_name: string, value: unknown): unknown {
  if (typeof value === "string") {
    return bounded(value, MAX_TEXT_CHARACTERS * 2);
  }

  return typeof value === "bigint" ? value.toString() : value;
}

/** An event whose every text is well formed and bounded, whatever a client sent. */
function normalize(input: AuditEventInput): AuditEventInput {
  return {
    ...input,
    action: key(input.action),
    message: bounded(input.message, MAX_TEXT_CHARACTERS),
    correlationId: key(input.correlationId),
    initiator: {
      ...input.initiator,
      id: key(input.initiator.id),
      name: key(input.initiator.name),
      agent: input.initiator.agent === null ? null : key(input.initiator.agent),
    },
    target: {
      ...input.target,
      id: key(input.target.id),
      name: input.target.name === null ? null : key(input.target.name),
    },
    ...(input.reason?.reasonForFailure === undefined
      ? {}
      : {
          reason: {
            ...input.reason,
            reasonForFailure: bounded(input.reason.reasonForFailure, MAX_TEXT_CHARACTERS),
          },
        }),
  };
}

/**
 * Text and columns of an event.
 * @throws TypeError when account or instance are no UUIDs (a mistake of the caller, found before it can spoil
 * the group that the event would be written with)
 */
export function toEventRow(input: AuditEventInput, stamp: { id: string; time: Date }): EventRow {
  for (const id of [input.accountId, input.instanceId]) {
    if (id !== null && !UUID.test(id)) {
      throw new TypeError("An audit event's account and instance are UUIDs in lower case.");
    }
  }

  const event = likeText(input, stamp) ?? plainText(input, stamp);

  if (event !== null) {
    return row(input, stamp, event);
  }

  const normal = normalize(input);

  return row(
    normal,
    stamp,
    cadfText(normal, stamp, (data) => JSON.stringify(data, jsonSafe)),
  );
}

/** Identifiers that stand in JSON and in a CRN as they are, and are found in a text by themselves alone. */
const DISTINCT = /^[A-Za-z0-9-]{16,100}$/;
/** How often the values of `likeText` stand in an event: the target's id in the message and in the target. */
const TIMES = [1, 1, 2, 1, 1, 1];
const templates = new WeakMap<object, TextTemplate>();

/**
 * The text of an event that is like others: theirs with other values. Nearly all events are reads of a key by one
 * client, and putting their texts together anew would be a tenth of a Get. Null where there is no template.
 */
function likeText(input: AuditEventInput, stamp: { id: string; time: Date }): string | null {
  const { like, target, correlationId, initiator } = input;

  if (like === undefined || !DISTINCT.test(target.id) || !DISTINCT.test(correlationId)) {
    return null;
  }

  const host = hostText(initiator);

  if (host.includes("\\")) {
    return null;
  }

  const values = [
    stamp.id,
    formatEventTime(stamp.time),
    target.id,
    correlationId,
    host,
    `"remotePort":${Number(input.requestData?.remotePort)}`,
  ];
  const known = templates.get(like);

  if (known !== undefined) {
    return known.fill(values);
  }

  const text = plainText(input, stamp);
  const template = text === null ? null : TextTemplate.of(text, values, TIMES);

  if (template !== null) {
    templates.set(like, template);
  }

  return text;
}

const isLong = (text: string | null): boolean => text !== null && text.length > MAX_KEY_CHARACTERS;

/**
 * The text of an event that is well formed and bounded as it is, which is nearly every one; null for others.
 * Looking at the whole text once is a fraction of the work of looking at each part.
 */
function plainText(input: AuditEventInput, stamp: { id: string; time: Date }): string | null {
  const { initiator, target } = input;

  if (
    isLong(input.action) ||
    isLong(input.correlationId) ||
    isLong(initiator.id) ||
    isLong(initiator.name) ||
    isLong(initiator.agent) ||
    isLong(target.id) ||
    isLong(target.name) ||
    // The only text that is not in the event as it is: there it is percent-encoded.
    SUSPECT.test(target.id)
  ) {
    return null;
  }

  try {
    const text = cadfText(input, stamp, JSON.stringify);

    // JSON has NUL and halves of surrogate pairs as escapes. What has no escape of that form has none of them.
    return text.length <= MAX_TEXT_CHARACTERS && !text.includes("\\u") ? text : null;
  } catch {
    return null;
  }
}

function row(input: AuditEventInput, stamp: { id: string; time: Date }, event: string): EventRow {
  return {
    id: stamp.id,
    accountId: input.accountId,
    instanceId: input.instanceId,
    eventTime: stamp.time,
    action: input.action,
    outcome: input.outcome,
    severity: input.severity,
    initiatorId: input.initiator.id,
    initiatorName: input.initiator.name,
    targetId: input.target.id,
    targetName: input.target.name,
    event,
  };
}

/**
 * The first column that does not say what the event's own text says, or null. The hash covers the text; with
 * this, it covers what lists show and filter by as well.
 */
export function columnMismatch(row: EventRow): string | null {
  let cadf: CadfEvent;

  try {
    cadf = JSON.parse(row.event) as CadfEvent;
  } catch {
    return "event";
  }

  const source = parseCrn(cadf.logSourceCRN);
  const expected: { readonly [column: string]: readonly [unknown, unknown] } = {
    id: [row.id, cadf.id],
    account_id: [row.accountId, source.accountId],
    instance_id: [row.instanceId, source.instanceId],
    event_time: [formatEventTime(row.eventTime), cadf.eventTime],
    action: [row.action, cadf.action],
    outcome: [row.outcome, cadf.outcome],
    severity: [row.severity, cadf.severity],
    initiator_id: [row.initiatorId, cadf.initiator.id],
    initiator_name: [row.initiatorName, cadf.initiator.name],
    target_id: [row.targetId, parseCrn(cadf.target.id).resource ?? ""],
    target_name: [row.targetName, cadf.target.name ?? null],
  };

  return Object.entries(expected).find(([, [stored, said]]) => stored !== said)?.[0] ?? null;
}
