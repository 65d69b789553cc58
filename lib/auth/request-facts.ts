import { randomUUID } from "node:crypto";

/** What a request tells of its sender besides who it is. */
export type RequestFacts = {
  readonly requestId: string;
  readonly remoteAddress: string | null;
  readonly userAgent: string | null;
};

const MAX_TEXT = 400;
const REQUEST_ID = /^[A-Za-z0-9._-]{8,100}$/;

function printable(text: string | null): string | null {
  return text === null ? null : text.replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_TEXT);
}

/**
 * Reads them from headers. The address is the last one of X-Forwarded-For: what the nearest proxy saw, or, without
 * a proxy, what Next took from the socket. A request id that the sender gives is kept, so that its logs and ours meet.
 */
export function requestFacts(headers: Headers): RequestFacts {
  const forwarded = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  const given = headers.get("x-request-id");

  return {
    requestId: given !== null && REQUEST_ID.test(given) ? given : randomUUID(),
    remoteAddress: printable(forwarded === undefined || forwarded === "" ? null : forwarded),
    userAgent: printable(headers.get("user-agent")),
  };
}
