import { isIP } from "node:net";
import type { AuditEventInput } from "./event";

/**
 * A CADF event with the field names of IBM Cloud Activity Tracking, as it is stored, hashed and forwarded.
 */
export type CadfEvent = {
  readonly id: string;
  /** `YYYY-MM-DDTHH:mm:ss.SS+0000` */
  readonly eventTime: string;
  readonly action: string;
  readonly outcome: string;
  readonly message: string;
  readonly severity: string;
  readonly dataEvent: boolean;
  readonly saveServiceCopy: boolean;
  readonly logSourceCRN: string;
  readonly correlationId: string;
  readonly initiator: {
    readonly id: string;
    readonly name: string;
    readonly typeURI: string;
    readonly credential: { readonly type: string };
    readonly host?: {
      readonly address?: string;
      readonly addressType?: "IPv4" | "IPv6";
      readonly agent?: string;
    };
  };
  readonly target: { readonly id: string; readonly name?: string; readonly typeURI: string };
  readonly observer: { readonly name: "ActivityTracker" };
  readonly reason: {
    readonly reasonCode: number;
    readonly reasonType: string;
    readonly reasonForFailure?: string;
  };
  readonly requestData: { readonly [key: string]: unknown };
  readonly responseData: { readonly [key: string]: unknown };
};

const CRN_PREFIX = "crn:v1:kmip-console:local:vmware-solutions";

let lastHundredth = Number.NaN;
let lastText = "";

/** Time as IBM's events write it: UTC, hundredths of a second, numeric offset. */
export function formatEventTime(time: Date): string {
  const hundredth = Math.floor(time.getTime() / 10);

  if (hundredth !== lastHundredth) {
    lastText = `${time.toISOString().slice(0, 22)}+0000`;
    lastHundredth = hundredth;
  }

  return lastText;
}

/** CRN of the instance that an event is about, or of the account alone; parts that are unknown stay empty. */
function sourceCrn(accountId: string | null, instanceId: string | null): string {
  return `${CRN_PREFIX}::${accountId === null ? "" : `a/${accountId}`}:${instanceId ?? ""}::`;
}

/** CRN of a target: its instance's, with resource type and percent-encoded id. */
function targetCrn(source: string, { id, typeURI }: AuditEventInput["target"]): string {
  const type = typeURI.slice(typeURI.indexOf("/") + 1 || typeURI.length).replaceAll("/", "-");

  // The source ends with the empty resource type and resource.
  return `${source.slice(0, -1)}${type}:${encodeURIComponent(id)}`;
}

/** What a CRN made here says. */
export function parseCrn(crn: string): {
  accountId: string | null;
  instanceId: string | null;
  resource: string | null;
} {
  const parts = crn.split(":");

  return {
    accountId: parts[6]?.startsWith("a/") ? parts[6].slice(2) : null,
    instanceId: parts[7] || null,
    resource: parts[9] ? decodeURIComponent(parts[9]) : null,
  };
}

/** Printable ASCII without quotation mark and backslash: what JSON has as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** JSON of a text. */
const quote = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

const MAX_QUOTED_TEXTS = 1_000;
const quotedTexts = new Map<string, string>();

/** JSON of a text that comes again and again: names of actions, kinds, certificates. */
function quoteWord(text: string): string {
  let quoted = quotedTexts.get(text);

  if (quoted === undefined) {
    quoted = JSON.stringify(text);

    if (quotedTexts.size >= MAX_QUOTED_TEXTS) {
      quotedTexts.clear();
    }

    quotedTexts.set(text, quoted);
  }

  return quoted;
}

/** `,"host":{…}`, or nothing when neither address nor agent is known. */
export function hostText({ address, agent }: AuditEventInput["initiator"]): string {
  if (address === null && agent === null) {
    return "";
  }

  const parts: string[] = [];

  if (address !== null) {
    // An IPv4 client of a dual-stack listener shows up as ::ffff:a.b.c.d.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
    const family = isIP(plain);

    parts.push(`"address":${quote(plain)}`);

    if (family !== 0) {
      parts.push(`"addressType":"IPv${family}"`);
    }
  }

  if (agent !== null) {
    parts.push(`"agent":${quote(agent)}`);
  }

  return `,"host":{${parts.join(",")}}`;
}

function reasonText({ reason, outcome }: AuditEventInput): string {
  if (reason === undefined) {
    return outcome === "failure"
      ? '{"reasonCode":500,"reasonType":"Internal Server Error"}'
      : '{"reasonCode":200,"reasonType":"OK"}';
  }

  const why =
    reason.reasonForFailure === undefined ? "" : `,"reasonForFailure":${quote(reason.reasonForFailure)}`;

  return `{"reasonCode":${reason.reasonCode},"reasonType":${quoteWord(reason.reasonType)}${why}}`;
}

/** What `cadfText` makes JSON of the facts of request and answer with. */
export type DataText = (data: { readonly [key: string]: unknown }) => string;

/**
 * The text of an event's CADF form. Instance and account are in `logSourceCRN`, so that the event alone tells all
 * that the database's columns tell.
 *
 * It is put together field by field, since every KMIP operation waits for one: making an object first and then
 * JSON of it takes several times as long.
 * @throws TypeError, URIError where a text is not well formed
 */
export function cadfText(
  input: AuditEventInput,
  stamp: { readonly id: string; readonly time: Date },
  dataText: DataText,
): string {
  const { initiator, target } = input;
  const source = sourceCrn(input.accountId, input.instanceId);
  const targetName = target.name === null ? "" : `,"name":${quote(target.name)}`;

  return `{"id":"${stamp.id}","eventTime":"${formatEventTime(stamp.time)}","action":${quoteWord(input.action)},"outcome":"${input.outcome}","message":${quote(input.message)},"severity":"${input.severity}","dataEvent":${input.dataEvent},"saveServiceCopy":true,"logSourceCRN":"${source}","correlationId":${quote(input.correlationId)},"initiator":{"id":${quoteWord(initiator.id)},"name":${quoteWord(initiator.name)},"typeURI":${quoteWord(initiator.typeURI)},"credential":{"type":${quoteWord(initiator.credentialType)}}${hostText(initiator)}},"target":{"id":${quote(targetCrn(source, target))}${targetName},"typeURI":${quoteWord(target.typeURI)}},"observer":{"name":"ActivityTracker"},"reason":${reasonText(input)},"requestData":${dataText(input.requestData ?? {})},"responseData":${dataText(input.responseData ?? {})}}`;
}
