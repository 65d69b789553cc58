import type { SandboxRequest, SandboxResponse } from "./types";

/** Values of the `:name` segments of a route. */
export type PathParameters = Readonly<Record<string, string>>;

/** Handles a request that matched a route. */
export type RouteHandler<Context> = (
  context: Context,
  request: SandboxRequest,
  parameters: PathParameters,
) => Promise<SandboxResponse> | SandboxResponse;

export interface Route<Context> {
  method: string;
  /** Path as written in documentation: `/keys/:id/metadata`. Safe to log, unlike the path of a request. */
  pattern: string;
  handler: RouteHandler<Context>;
}

export type RouteMatch<Context> =
  | { found: "route"; route: Route<Context>; parameters: PathParameters }
  | { found: "other-method"; methods: string[] }
  | { found: "nothing" };

interface CompiledRoute<Context> {
  route: Route<Context>;
  segments: string[];
}

function matchSegments(pattern: readonly string[], segments: readonly string[]): PathParameters | undefined {
  if (pattern.length !== segments.length) {
    return undefined;
  }
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = segments[index] ?? "";
    if (expected.startsWith(":")) {
      if (actual === "") {
        return undefined;
      }
      parameters[expected.slice(1)] = actual;
    } else if (expected !== actual) {
      return undefined;
    }
  }

  return parameters;
}

/**
 * Makes the function that finds the route of a request. Routes are tried in the order given, so that a literal
 * segment (`/keys/registrations`) goes before a parameter (`/keys/:id`).
 */
export function compileRoutes<Context>(
  routes: readonly Route<Context>[],
): (method: string, segments: readonly string[]) => RouteMatch<Context> {
  const compiled: CompiledRoute<Context>[] = routes.map((route) => ({
    route,
    segments: route.pattern.split("/").filter((segment) => segment !== ""),
  }));

  return (method, segments) => {
    const methods = new Set<string>();
    for (const { route, segments: pattern } of compiled) {
      const parameters = matchSegments(pattern, segments);
      if (!parameters) {
        continue;
      }
      if (route.method === method) {
        return { found: "route", route, parameters };
      }
      methods.add(route.method);
    }

    return methods.size > 0 ? { found: "other-method", methods: [...methods] } : { found: "nothing" };
  };
}

/** Splits a raw request path into percent-decoded segments, without empty ones; undefined if it is malformed. */
export function splitPath(rawPath: string): string[] | undefined {
  try {
    return rawPath
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
