import { createHash, timingSafeEqual } from "node:crypto";

import { z } from "zod";

import { NoSuchRecordError } from "./account";
import type { SandboxContext } from "./context";
import type { SandboxControl } from "./control";
import type { Manifest } from "./credentials";
import { faultSchema } from "./faults/rules";
import { compileRoutes, type RouteHandler } from "./http/router";
import { type HttpServer, startHttpServer } from "./http/server";
import { headerOf, ResponseError, type SandboxRequest, type SandboxResponse } from "./http/types";
import { type KmsAction, kmsActions, platformRoles, serviceRoles } from "./iam/roles";
import { Vault } from "./store/vault";

/** The controls are for this machine alone, whatever address the services are served on. */
const HOST = "127.0.0.1";
const YEAR = 366 * 24 * 3600 * 1000;

const shift = z.number().int().min(-YEAR).max(YEAR);
const clockSchema = z.union([z.strictObject({ offsetMs: shift }), z.strictObject({ advanceMs: shift })]);
const waitsSchema = z.strictObject({ relaxed: z.boolean() });
const name = z.string().trim().min(1).max(180);
const rolesSchema = z.strictObject({
  /** A GUID, or `keyProtect` or `hpcs` for the seeded ones. */
  instance: z.string(),
  roles: z.array(z.enum([...platformRoles, ...serviceRoles])),
  keyRing: z.string().min(1).optional(),
  accessGroup: name.optional(),
  customRole: z
    .strictObject({
      name: z.string().regex(/^[A-Z][A-Za-z0-9]{0,29}$/),
      actions: z.array(z.enum(Object.keys(kmsActions) as KmsAction[])).min(1),
    })
    .optional(),
});
const serviceIdSchema = z.strictObject({ name });
const instanceSchema = z.strictObject({
  service: z.enum(["kms", "hs-crypto"]),
  name,
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]{2,10})+$/)
    .optional(),
  rootKeys: z.array(z.string().min(2).max(90)).max(100).optional(),
});
const apiKeysSchema = z.strictObject({
  disabled: z.boolean().optional(),
  expiresAt: z.iso.datetime({ offset: true }).nullable().optional(),
});
const registrationSchema = z.strictObject({
  instance: z.string(),
  keyId: z.string(),
  resourceCrn: z.string().min(1).max(1000),
  preventKeyDeletion: z.boolean().default(false),
});

/** The token that opens the controls: derived from the master key, so that it is stored nowhere. */
export function controlToken(vault: Vault): string {
  return vault.deriveSecret("control");
}

/** The token of a sandbox's controls, read from its data folder. Works beside a running sandbox. */
export async function readControlToken(dataDir: string): Promise<string> {
  return controlToken(await Vault.open(dataDir));
}

function refuse(status: number, error: string): ResponseError {
  return new ResponseError(error, { status, body: { error } });
}

function parse<T>(schema: z.ZodType<T>, request: SandboxRequest): T {
  let value: unknown;
  try {
    value = JSON.parse(request.body.toString("utf8"));
  } catch {
    throw refuse(400, "The body is not JSON.");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  throw refuse(400, z.prettifyError(parsed.error));
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
  const state = (): SandboxResponse => ({ status: 200, body: control.state() });
  // Seeded records go by their names in the credentials, too.
  const seeded = new Map(Object.entries(manifest));
  const instanceGuid = (name: string): string => {
    const entry = seeded.get(name);
    return typeof entry === "object" && "guid" in entry ? entry.guid : name;
  };
  const serviceId = (name: string): string => {
    const entry = seeded.get(name);
    return typeof entry === "object" && "serviceId" in entry ? entry.serviceId : name;
  };

  const routes: [method: string, pattern: string, handler: RouteHandler<undefined>][] = [
    ["GET", "/state", state],
    [
      "DELETE",
      "/state",
      () => {
        control.reset();
        return state();
      },
    ],
    [
      "POST",
      "/faults",
      (_context, request) => {
        const { id, fault, fired } = control.faults.add(parse(faultSchema, request));
        return { status: 201, body: { id, fault, fired } };
      },
    ],
    [
      "PUT",
      "/faults",
      (_context, request) => {
        const wanted = parse(z.array(faultSchema).max(100), request);
        control.faults.clear();
        for (const fault of wanted) {
          control.faults.add(fault);
        }
        return state();
      },
    ],
    [
      "DELETE",
      "/faults",
      () => {
        control.faults.clear();
        return state();
      },
    ],
    [
      "DELETE",
      "/faults/:id",
      (_context, _request, { id = "" }) => {
        if (!control.faults.remove(id)) {
          throw refuse(404, "There is no such fault.");
        }
        return state();
      },
    ],
    [
      "PUT",
      "/clock",
      (_context, request) => {
        control.moveClock(parse(clockSchema, request));
        return state();
      },
    ],
    [
      "PUT",
      "/waits",
      (_context, request) => {
        control.setRelaxedWaits(parse(waitsSchema, request).relaxed);
        return state();
      },
    ],
    [
      "PUT",
      "/service-ids/:id/roles",
      async (_context, request, { id = "" }) => {
        const { instance, ...change } = parse(rolesSchema, request);
        await control.setRoles({
          serviceId: serviceId(id),
          instanceGuid: instanceGuid(instance),
          ...change,
        });
        return { status: 204 };
      },
    ],
    [
      "PUT",
      "/service-ids/:id/api-keys",
      async (_context, request, { id = "" }) => {
        await control.setApiKeys({ serviceId: serviceId(id), ...parse(apiKeysSchema, request) });
        return { status: 204 };
      },
    ],
    [
      "POST",
      "/service-ids",
      async (_context, request) => ({
        status: 201,
        body: await control.addServiceId(parse(serviceIdSchema, request)),
      }),
    ],
    [
      "POST",
      "/instances",
      async (_context, request) => ({
        status: 201,
        body: await control.addInstance(parse(instanceSchema, request)),
      }),
    ],
    [
      "POST",
      "/registrations",
      async (_context, request) => {
        const { instance, ...registration } = parse(registrationSchema, request);
        await control.registerResource({ instanceGuid: instanceGuid(instance), ...registration });
        return { status: 204 };
      },
    ],
  ];
  const find = compileRoutes(routes.map(([method, pattern, handler]) => ({ method, pattern, handler })));

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
