import type { SandboxContext } from "../context";
import type { PathParameters, RouteMatch } from "./router";
import {
  type RequestTarget,
  ResponseError,
  type SandboxRequest,
  type SandboxResponse,
  type TargetedMiddleware,
} from "./types";

/** What went wrong outside of any handler. Each service says it in its own error form. */
export type Trouble = "not-found" | "method-not-allowed" | "too-large" | "internal";

export const troubleStatus = {
  "not-found": 404,
  "method-not-allowed": 405,
  "too-large": 413,
  internal: 500,
} as const satisfies Record<Trouble, number>;

/** One of the services behind the sandbox's port. */
export interface Service {
  name: string;
  /** Whether a path is the service's own. */
  owns: (segments: readonly string[]) => boolean;
  find: (method: string, segments: readonly string[]) => RouteMatch<SandboxContext>;
  trouble: (trouble: Trouble) => SandboxResponse;
  /** A refusal that no handler gives: an injected fault. */
  fault: (request: SandboxRequest, status: number, code?: string) => SandboxResponse;
}

export interface App {
  handle: (request: SandboxRequest) => Promise<SandboxResponse>;
  tooLarge: (segments: readonly string[]) => SandboxResponse;
}

/** A route's pattern with its action by name, so that faults can tell actions apart. */
function labelOf(pattern: string, { action }: PathParameters): string {
  return action === undefined ? pattern : pattern.replace(":action", action);
}

/**
 * Joins the services into one handler of requests. It logs one line a request, with the route's pattern in the
 * place of the path, and never headers, queries or bodies: those hold keys and tokens.
 *
 * @param services tried in order; the last one answers for paths that nobody owns
 */
export function createApp(
  context: SandboxContext,
  services: readonly [...Service[], Service],
  middleware: readonly TargetedMiddleware[],
): App {
  const serviceOf = (segments: readonly string[]): Service =>
    services.find((service) => service.owns(segments)) ?? (services.at(-1) as Service);

  const run = async (
    request: SandboxRequest,
    service: Service,
    match: RouteMatch<SandboxContext>,
  ): Promise<SandboxResponse> => {
    if (match.found === "nothing") {
      return service.trouble("not-found");
    }
    if (match.found === "other-method") {
      const refusal = service.trouble("method-not-allowed");
      return { ...refusal, headers: { ...refusal.headers, allow: match.methods.join(", ") } };
    }
    const { route, parameters } = match;
    try {
      return await route.handler(context, request, parameters);
    } catch (error) {
      if (error instanceof ResponseError) {
        return error.response;
      }
      context.logger?.error({ err: error, service: service.name, route: route.pattern }, "request failed");
      return service.trouble("internal");
    }
  };

  const handle = async (request: SandboxRequest): Promise<SandboxResponse> => {
    const started = performance.now();
    const service = serviceOf(request.segments);
    const match = service.find(request.method, request.segments);
    const route = match.found === "route" ? match.route.pattern : "-";
    const respond = async (): Promise<SandboxResponse> => {
      const response = await run(request, service, match);
      // No answer before all that it may tell of is on disk, see SandboxStore.
      await context.store.settled();
      return response;
    };
    const target: RequestTarget = {
      service: service.name,
      route: match.found === "route" ? labelOf(match.route.pattern, match.parameters) : route,
      refusal: (status, code) => service.fault(request, status, code),
    };
    const chain = middleware.reduceRight<() => Promise<SandboxResponse>>(
      (next, step) => () => step(request, next, target),
      respond,
    );

    let response: SandboxResponse;
    try {
      response = await chain();
    } catch (error) {
      context.logger?.error({ err: error, service: service.name, route }, "request failed");
      response = service.trouble("internal");
    }
    context.logger?.debug(
      {
        service: service.name,
        method: request.method,
        route,
        status: response.cut ? "cut" : response.status,
        durationMs: Math.round(performance.now() - started),
        correlationId: request.correlationId,
      },
      "request",
    );

    return response;
  };

  return { handle, tooLarge: (segments) => serviceOf(segments).trouble("too-large") };
}
