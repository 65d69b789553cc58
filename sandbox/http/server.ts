import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { SandboxError, systemErrorCode } from "../errors";
import { splitPath } from "./router";
import { correlationIdOf, type SandboxRequest, type SandboxResponse } from "./types";

/** No request of these services comes near it: the largest holds 10,000 characters of key material. */
const MAX_BODY_BYTES = 256 * 1024;
/** Longer than the idle time of usual clients, so that they and not the server end a connection. */
const KEEP_ALIVE_MS = 65_000;
const CLOSE_GRACE_MS = 5_000;

export interface HttpServerOptions {
  host: string;
  port: number;
  /** Gives the answer to a whole request; never rejects. */
  handle: (request: SandboxRequest) => Promise<SandboxResponse>;
  /** Gives the answer to a request whose body is too large; the path is all that is known of it. */
  tooLarge: (segments: readonly string[]) => SandboxResponse;
}

export interface HttpServer {
  port: number;
  /** Takes no new connections, lets running requests end, closes idle connections. */
  close(): Promise<void>;
}

/** The whole body; undefined if it is too large, and what is left of it then stays unread. */
function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_BODY_BYTES) {
        message.off("data", take).pause();
        resolve(undefined);
      }
    };
    message.on("data", take);
    message.once("end", () => resolve(Buffer.concat(chunks, length)));
    message.once("error", reject);
    message.once("close", () => {
      if (!message.complete) {
        reject(new Error("the request was cut off"));
      }
    });
  });
}

function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: SandboxResponse,
  correlationId: string,
): void {
  if (response.destroyed || response.headersSent) {
    return;
  }
  const body = answer.html ?? (answer.body === undefined ? undefined : JSON.stringify(answer.body));
  const type = answer.html === undefined ? "application/json; charset=utf-8" : "text/html; charset=utf-8";
  response.writeHead(answer.status, {
    "cache-control": "no-store",
    "correlation-id": correlationId,
    "x-content-type-options": "nosniff",
    ...(body ? { "content-type": type } : {}),
    ...(answer.status === 204 ? {} : { "content-length": Buffer.byteLength(body ?? "") }),
    ...answer.headers,
  });
  response.end(message.method === "HEAD" ? undefined : body);
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
  isClosing: () => boolean,
): Promise<void> {
  const correlationId = correlationIdOf(message.headers);
  const rawUrl = message.url ?? "/";
  const queryStart = rawUrl.indexOf("?");
  const rawPath = queryStart === -1 ? rawUrl : rawUrl.slice(0, queryStart);
  const query = new URLSearchParams(queryStart === -1 ? "" : rawUrl.slice(queryStart + 1));
  // A path that cannot be decoded leads nowhere, as an unknown one does.
  const segments = splitPath(rawPath) ?? [];

  const body = await readBody(message);
  if (body === undefined) {
    // What is left of the body is not read: the connection cannot be used for another request.
    response.setHeader("connection", "close");
    send(message, response, options.tooLarge(segments), correlationId);
    return;
  }
  const request: SandboxRequest = {
    method: message.method ?? "GET",
    segments,
    query,
    headers: message.headers,
    body,
    correlationId,
  };
  const answer = await options.handle(request);
  if (answer.cut) {
    response.destroy();
    return;
  }
  if (isClosing()) {
    response.setHeader("connection", "close");
  }
  send(message, response, answer, correlationId);
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const inUse = systemErrorCode(error) === "EADDRINUSE";
      reject(
        new SandboxError(
          inUse ? "EADDRINUSE" : "SANDBOX_PORT_UNUSABLE",
          inUse
            ? `The sandbox cannot listen on ${host}:${port}: another program uses this port. Choose another one, or stop that program.`
            : `The sandbox cannot listen on ${host}:${port} (${systemErrorCode(error) ?? "unknown error"}).`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/**
 * Serves HTTP/1.1 with keep-alive.
 *
 * @throws SandboxError EADDRINUSE or SANDBOX_PORT_UNUSABLE
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  let closing = false;
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (message, response) => {
    serve(message, response, options, () => closing).catch(() => {
      // The client went away in the middle of its request: there is nobody left to answer.
      response.destroy();
    });
  });
  const port = await listen(server, options.host, options.port);

  return {
    port,
    close: () =>
      new Promise((resolve, reject) => {
        closing = true;
        const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
        server.close((error) => {
          clearTimeout(timer);
          if (error) {
            reject(error);
          } else {
            resolve();
          }
        });
        server.closeIdleConnections();
      }),
  };
}
