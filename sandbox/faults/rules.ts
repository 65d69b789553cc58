import { z } from "zod";

import type { RequestTarget, SandboxRequest } from "../http/types";
import { headerOf } from "../http/types";

const milliseconds = z.number().int().min(0).max(120_000);
const seconds = z.number().int().min(0).max(86_400);

/** Which requests a rule is for: all that fit every field that is given. */
const matching = {
  service: z.enum(["key-manager", "resource-controller", "iam"]).optional(),
  method: z
    .string()
    .regex(/^[A-Za-z]+$/)
    .transform((text) => text.toUpperCase())
    .optional(),
  /** A route's pattern, in which `*` stands for any text: `/keys/:id/actions/unwrap`, `/keys*`. */
  route: z.string().min(1).max(200).optional(),
  /** GUID of a key manager instance. */
  instance: z.string().min(1).max(100).optional(),
};

/** How often a rule comes true for a request that fits. */
const frequency = {
  /** Share of the requests, by chance. */
  rate: z.number().min(0).max(1).default(1),
  /** So many are let through first. */
  skip: z.number().int().min(0).default(0),
  /** After so many the rule is spent. */
  times: z.number().int().min(1).optional(),
};

const common = { ...matching, ...frequency };

/**
 * A fault:
 * - `latency`: the answer comes later, by `ms` and up to `jitterMs` more;
 * - `error`: the service refuses with this status (and reason code), and does nothing;
 * - `throttle`: what exceeds so many requests a second is refused with 429;
 * - `cut`: the connection is cut without an answer, `before` or `after` the request was carried out;
 * - `hang`: neither an answer nor an end, until the rule is removed, and then the connection is cut.
 */
export const faultSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("latency"),
    ...common,
    ms: milliseconds,
    jitterMs: milliseconds.default(0),
  }),
  z.strictObject({
    kind: z.literal("error"),
    ...common,
    status: z.number().int().min(400).max(599),
    code: z
      .string()
      .regex(/^\w{1,60}$/)
      .optional(),
    retryAfterSeconds: seconds.optional(),
  }),
  z.strictObject({
    kind: z.literal("throttle"),
    ...common,
    perSecond: z.number().positive().max(1_000_000),
    /** How many may come at once after a pause; by default those of a second. */
    burst: z.number().int().min(1).max(1_000_000).optional(),
    retryAfterSeconds: seconds.default(1),
  }),
  z.strictObject({ kind: z.literal("cut"), ...common, when: z.enum(["before", "after"]).default("before") }),
  z.strictObject({ kind: z.literal("hang"), ...common }),
]);
/** A fault as it is asked for, with defaults left out. */
export type FaultInput = z.input<typeof faultSchema>;
export type Fault = z.infer<typeof faultSchema>;

/** The function that tells whether a text has a pattern's form, in which `*` stands for any text. */
function compilePattern(pattern: string): (text: string) => boolean {
  if (!pattern.includes("*")) {
    return (text) => text === pattern;
  }
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "s");

  return (text) => expression.test(text);
}

/** Makes the function that tells whether a fault is for a request. */
export function compileMatch(fault: Fault): (request: SandboxRequest, target: RequestTarget) => boolean {
  const { service, method, instance } = fault;
  const isRoute = fault.route === undefined ? undefined : compilePattern(fault.route);

  return (request, target) =>
    (service === undefined || service === target.service) &&
    (method === undefined || method === request.method) &&
    (isRoute === undefined || isRoute(target.route)) &&
    (instance === undefined || instance === headerOf(request, "bluemix-instance"));
}
