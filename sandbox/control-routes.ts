import { z } from "zod";

import type { SandboxControl } from "./control";
import type { Manifest } from "./credentials";
import { faultSchema } from "./faults/rules";
import type { Route, RouteHandler } from "./http/router";
import { ResponseError, type SandboxRequest, type SandboxResponse } from "./http/types";
import { type KmsAction, kmsActions, platformRoles, serviceRoles } from "./iam/roles";

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

/** The answer to a request that the controls turn away. */
export function refuse(status: number, error: string): ResponseError {
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

type Handler = RouteHandler<undefined>;
type ControlRoutes = readonly (readonly [method: string, pattern: string, handler: Handler])[];

function stateOf(control: SandboxControl): SandboxResponse {
  return { status: 200, body: control.state() };
}

/** Answers with the state that a change leads to. */
function changing(control: SandboxControl, change: (request: SandboxRequest) => void): Handler {
  return (_context, request) => {
    change(request);
    return stateOf(control);
  };
}

/** Faults, clock and waits: what a sandbox forgets when it ends. */
function runtimeRoutes(control: SandboxControl): ControlRoutes {
  return [
    ["GET", "/state", () => stateOf(control)],
    ["DELETE", "/state", changing(control, () => control.reset())],
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
      changing(control, (request) => {
        const wanted = parse(z.array(faultSchema).max(100), request);
        control.faults.clear();
        for (const fault of wanted) {
          control.faults.add(fault);
        }
      }),
    ],
    ["DELETE", "/faults", changing(control, () => control.faults.clear())],
    [
      "DELETE",
      "/faults/:id",
      (_context, _request, { id = "" }) => {
        if (!control.faults.remove(id)) {
          throw refuse(404, "There is no such fault.");
        }
        return stateOf(control);
      },
    ],
    ["PUT", "/clock", changing(control, (request) => control.moveClock(parse(clockSchema, request)))],
    [
      "PUT",
      "/waits",
      changing(control, (request) => control.setRelaxedWaits(parse(waitsSchema, request).relaxed)),
    ],
  ];
}

/** Changes of the account: records, which stay. Seeded ones go by their names in the credentials, too. */
function accountRoutes(control: SandboxControl, manifest: Manifest): ControlRoutes {
  const seeded = new Map(Object.entries(manifest));
  const instanceGuid = (name: string): string => {
    const entry = seeded.get(name);
    return typeof entry === "object" && "guid" in entry ? entry.guid : name;
  };
  const serviceId = (name: string): string => {
    const entry = seeded.get(name);
    return typeof entry === "object" && "serviceId" in entry ? entry.serviceId : name;
  };

  return [
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
}

/** The routes of the controls. Bodies are checked here: 400 says what is wrong. */
export function controlRoutes(control: SandboxControl, manifest: Manifest): Route<undefined>[] {
  return [...runtimeRoutes(control), ...accountRoutes(control, manifest)].map(
    ([method, pattern, handler]) => ({ method, pattern, handler }),
  );
}
