/**
 * Messages in HTTP (KMIP Profiles 1.4, 5.3): what a request must look like, its body, and how it is answered or refused.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { EncodingError } from "../encoding/errors";
import { encodingOf, type MessageEncoding, wipeConverted } from "../encoding/media-types";
import type { EngineResponse } from "../engine/engine";
import { wipe } from "../ttlv/wipe";
import type { ConnectionSlot } from "./connection-limits";
import { GrowingBuffer } from "./growing-buffer";

/** Where messages are posted (Profiles 1.4, 5.3.3). */
const PATH = "/kmip";

/** A request that HTTP alone can refuse; the reason is plain text for people. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };

  constructor(status: number, message: string, headers: { readonly [name: string]: string } = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The client has gone, or sends no more in time: nobody is there to be answered. */
export class ClientGone extends Error {}

/**
 * How the body of a request is encoded, by its head; null if the body itself has to tell.
 *
 * @throws HttpRefusal if there is no body to be read
 */
export function encodingOfBody(request: IncomingMessage, maxBodyBytes: number): MessageEncoding | null {
  const [path] = (request.url ?? "").split("?");
  if (path !== PATH) {
    throw new HttpRefusal(404, "KMIP messages are posted to /kmip");
  }
  if (request.method !== "POST") {
    throw new HttpRefusal(405, "KMIP messages are posted", { Allow: "POST" });
  }
  const encoding = encodingOf(request.headers["content-type"]);
  if (encoding === undefined || request.headers["content-encoding"] !== undefined) {
    throw new HttpRefusal(415, "Content-Type is application/octet-stream, text/xml or application/json");
  }
  const length = request.headers["content-length"];
  if (length === undefined && request.headers["transfer-encoding"] === undefined) {
    throw new HttpRefusal(411, "Content-Length is missing");
  }
  if (length !== undefined && Number(length) > maxBodyBytes) {
    throw new HttpRefusal(413, "The request message is too large");
  }
  return encoding;
}

/**
 * The whole body in a buffer of its own, however it was cut up; the slot holds its length until it is given back.
 * @throws HttpRefusal if it is too large, ClientGone if it does not end, or the connection is to end
 */
export async function readBody(
  request: IncomingMessage,
  maxBodyBytes: number,
  slot: ConnectionSlot,
): Promise<Buffer> {
  const body = new GrowingBuffer();
  try {
    await new Promise<void>((resolve, reject) => {
      request.on("data", (chunk: Buffer) => {
        if (body.length + chunk.length > maxBodyBytes) {
          reject(new HttpRefusal(413, "The request message is too large"));
        } else {
          body.append(chunk);
          if (!slot.hold(chunk.length)) {
            reject(new ClientGone());
          }
        }
        wipe(chunk);
      });
      request.once("end", () => resolve());
      request.once("error", () => reject(new ClientGone()));
      request.once("close", () => reject(new ClientGone()));
    });
    return body.take();
  } catch (error) {
    slot.hold(-body.length);
    body.clear();
    throw error;
  } finally {
    request.removeAllListeners("data");
  }
}

/** Writes an answer; resolves when the socket has taken it, or is gone. What carries keys is zeroed then. */
export async function sendAnswer(
  response: ServerResponse,
  encoding: MessageEncoding,
  answered: EngineResponse,
): Promise<void> {
  let body: Uint8Array;
  try {
    body = encoding.fromTtlv(answered.bytes);
  } catch (error) {
    answered.release();
    if (!(error instanceof EncodingError)) {
      throw error;
    }
    throw new HttpRefusal(500, `The answer cannot be written as ${encoding.mediaType}: ${error.message}`);
  }
  try {
    response.writeHead(200, {
      "Content-Type": encoding.mediaType,
      "Content-Length": String(body.length),
      "Cache-Control": "no-cache",
    });
    await new Promise<void>((resolve) => {
      response.once("close", resolve);
      response.end(body, () => resolve());
    });
  } finally {
    wipeConverted(body, answered.bytes);
    answered.release();
  }
}

/** Refuses in plain text and ends the connection: what is left of the body is not worth reading. */
export function sendRefusal(response: ServerResponse, refusal: HttpRefusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = `${refusal.message}\n`;
  response.writeHead(refusal.status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-cache",
    Connection: "close",
    ...refusal.headers,
  });
  response.end(body);
}
