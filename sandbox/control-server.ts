import { createHash, timingSafeEqual } from "node:crypto";

import type { SandboxContext } from "./context";
import type { SandboxControl } from "./control";
import { controlRoutes, refuse } from "./control-routes";
import type { Manifest } from "./credentials";
import { NoSuchRecordError } from "./errors";
import { compileRoutes } from "./http/router";
import { type HttpServer, startHttpServer } from "./http/server";
import { headerOf, ResponseError, type SandboxRequest, type SandboxResponse } from "./http/types";
import { Vault } from "./store/vault";

/** The controls are for this machine alone, whatever address the services are served on. */
const HOST = "127.0.0.1";
/** The token that opens the controls: derived from the master key, so that it is stored nowhere. */
export function controlToken(vault: Vault): string {
  return vault.deriveSecret("control");
}

/** The token of a sandbox's controls, read from its data folder. Works beside a running sandbox. */
export async function readControlToken(dataDir: string): Promise<string> {
  return controlToken(await Vault.open(dataDir));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

/**
 * Refuses whoever does not show the token. A web page that a browser on this machine shows does not have it; nor
 * does it get as far as guessing, because a foreign `Host` (DNS rebinding) and any `Origin` are refused as well.
 */
function requireOperator(request: SandboxRequest, expected: Buffer): void {
  const host = headerOf(request, "host") ?? "";
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host) || headerOf(request, "origin") !== undefined) {
    throw refuse(403, "The controls are for programs on this machine.");
  }
  const token = /^Bearer +(\S+)$/i.exec(headerOf(request, "authorization") ?? "")?.[1] ?? "";
  if (!timingSafeEqual(sha256(token), expected)) {
    throw refuse(401, "The controls need their token; `cli -- sandbox control` prints it.");
  }
}

interface ControlServerOptions {
  /** 0 for any free port. */
  port: number;
  context: SandboxContext;
  control: SandboxControl;
  manifest: Manifest;
}

/**
 * Serves the controls over HTTP on the loopback interface.
 *
 * @throws SandboxError EADDRINUSE or SANDBOX_PORT_UNUSABLE
 */
export function startControlServer(options: ControlServerOptions): Promise<HttpServer> {
  const { control, manifest } = options;
  const expected = sha256(controlToken(options.context.vault));
  const find = compileRoutes(controlRoutes(control, manifest));

  const handle = async (request: SandboxRequest): Promise<SandboxResponse> => {
    try {
      requireOperator(request, expected);
      const match = find(request.method, request.segments);
      if (match.found === "nothing") {
        throw refuse(404, "There is nothing at this path.");
      }
      if (match.found === "other-method") {
        throw refuse(405, "This path does not support this method.");
      }

      return await match.route.handler(undefined, request, match.parameters);
    } catch (error) {
      if (error instanceof ResponseError) {
        return error.response;
      }
      if (error instanceof NoSuchRecordError) {
        return { status: 404, body: { error: error.message } };
      }
      options.context.logger?.error({ err: error }, "control failed");
      return { status: 500, body: { error: "The control failed; the sandbox's log says more." } };
    }
  };

  return startHttpServer({
    host: HOST,
    port: options.port,
    handle,
    tooLarge: () => ({ status: 413, body: { error: "The body is too large." } }),
  });
}
