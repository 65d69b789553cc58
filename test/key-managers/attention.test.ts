import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeReport } from "@/lib/api/texts/checks";
import { type ChangeEvents, createChangeEvents } from "@/lib/core/change-events";
import { openInstanceKeyManager, renewInstanceToken } from "@/lib/core/key-managers/open-key-manager";
import { checkInstance } from "@/lib/core/permissions/check-instance";
import { createKeyStore, type DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { publishIn } from "@/lib/db";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { KeyStoreError, type ManagedObject, type Tenant } from "@/lib/kmip/ports";
import type { Middleware } from "@/sandbox";
import { eventually, manualClock, newObject, recordingLogger } from "@/test/support/kek-fixtures";
import { worldForTests } from "@/test/support/world";
import { sandboxForTests } from "./support/sandbox";

/**
 * What a failing check does to an instance: its status, the report, and what its clients get; and that all of it is as
 * before when the cause is mended. A worker that checks and an endpoint that serves stand side by side, each with a
 * token that it got when all was well.
 */
const TTL_SECONDS = 60;
const GRACE_SECONDS = 300;

const world = worldForTests();
const test = sandboxForTests();
const clock = manualClock(new Date());
let events: ChangeEvents;
let store: DatabaseKeyStore;
let worker: IbmCloud;

beforeAll(async () => {
  worker = test.freshCloud();
  events = createChangeEvents(world.test.url);

  const endpoint = test.freshCloud();

  store = createKeyStore({
    database: world.test.database,
    events,
    logger: recordingLogger(),
    clock,
    openKeyManager: (instance) => openInstanceKeyManager(instance, endpoint),
    onInstanceChanged: renewInstanceToken,
    timeoutMs: 3_000,
  });
  await events.ready;
});

afterAll(async () => {
  store?.close();
  await events?.close();
});

type Kind = "key-protect" | "hpcs";

/** An installed instance with a root key of its own and a KEK that was served a moment ago. */
type Installed = {
  readonly id: string;
  readonly kind: Kind;
  readonly crkId: string;
  readonly tenant: Tenant;
  readonly kek: ManagedObject;
  readonly material: Buffer;
};

async function install(kind: Kind, expirationDate?: string): Promise<Installed> {
  // An HPCS instance has one KMIP instance: that of the case before makes room.
  if (kind === "hpcs") {
    await world.test.database.prisma.instance.deleteMany({ where: { keyManagerKind: "hpcs" } });
  }

  const { id, crkId, tenant } = await world.orderInstance(test, {
    kind,
    ...(expirationDate ? { expirationDate } : {}),
    cacheTtlSeconds: TTL_SECONDS,
    outageGraceSeconds: GRACE_SECONDS,
  });
  const material = randomBytes(32);
  const kek = await store.create(tenant, newObject(), material);
  const installed = { id, kind, crkId, tenant, kek, material: Buffer.from(material) };

  await check(installed);
  expect(await get(installed)).toBe("served");

  return installed;
}

/** As the worker does it. */
function check({ id }: Pick<Installed, "id">) {
  return checkInstance(id, "schedule", {
    cloud: worker,
    onChanged: () => publishIn(world.test.database.pool, { type: "instance.changed", instanceId: id }),
  });
}

async function get({ tenant, kek, material }: Installed): Promise<"served" | "refused" | "unavailable"> {
  try {
    const bytes = await store.readMaterial(tenant, kek);

    expect(Buffer.from(bytes).equals(material)).toBe(true);

    return "served";
  } catch (error) {
    // Above all not `gone`, which would destroy the KEK.
    expect(error).toBeInstanceOf(KeyStoreError);
    expect((error as KeyStoreError).failure).toMatch(/^(refused|unavailable)$/);

    return (error as KeyStoreError).failure as "refused" | "unavailable";
  }
}

const statusOf = async ({ id }: Installed) => {
  const { status, statusReason } = await world.test.database.prisma.instance.findUniqueOrThrow({
    where: { id },
  });

  return { status, statusReason };
};

type Case = {
  readonly name: string;
  readonly kind?: Kind;
  readonly id: string;
  readonly code: string;
  readonly why?: string;
  readonly command?: RegExp;
  /**
   * `refused`: the key manager itself says no, so that nothing is served any more, whatever the grace. `bridged`: it
   * says nothing, so that what is remembered is served to the end of the grace. `served`: serving does not need it.
   */
  readonly clients: "refused" | "bridged" | "served";
  breaks(installed: Installed): Promise<unknown> | unknown;
  /** Left out where taking the fault away is enough. */
  heals?(installed: Installed): Promise<unknown>;
};

type Role = Parameters<typeof test.sandbox.control.setRoles>[0]["roles"][number];

const roles =
  (...given: Role[]) =>
  ({ kind }: Installed) =>
    test.sandbox.control.setRoles({
      serviceId: test.credentials.manager.serviceId,
      instanceGuid: kind === "hpcs" ? test.credentials.hpcs.guid : test.credentials.keyProtect.guid,
      roles: given,
    });

const allRoles = roles("Viewer", "Manager");

/** A fault of all requests that it is for. */
const fault =
  (
    isFor: (path: string, installed: Installed) => boolean,
    answer: Awaited<ReturnType<Middleware>> | ((real: unknown) => unknown),
  ) =>
  (installed: Installed) => {
    test.fault = async (request, next) => {
      if (!isFor(`/${request.segments.join("/")}`, installed)) {
        return next();
      }

      if (typeof answer !== "function") {
        return answer;
      }

      const response = await next();

      return { ...response, body: answer(response.body) };
    };
  };

const atKeyManager = (path: string) => path.includes("/api/v2/");
const refusal = (code: string) => ({
  resources: [{ errorMsg: "It is refused.", reasons: [{ code }] }],
});
const action = (name: string) => (installed: Installed) =>
  test.administer(installed.kind, "POST", `/keys/${installed.crkId}/actions/${name}`);

/** The policies that the service ID may read, changed; what it may do is decided by those that it has. */
function policiesSay(change: (policy: Policy) => Policy) {
  return fault(
    (path) => path.endsWith("/v2/policies"),
    (real) => ({ policies: [change(MANAGER_POLICY((real as { policies: Policy[] }).policies))] }),
  );
}

type Policy = {
  readonly control: { readonly grant: { readonly roles: readonly { readonly role_id: string }[] } };
  readonly resource: {
    readonly attributes: readonly {
      readonly key: string;
      readonly operator: string;
      readonly value: string;
    }[];
  };
};

const MANAGER_POLICY = (policies: readonly Policy[]): Policy => {
  const about = policies.find(({ resource }) =>
    resource.attributes.some(({ value }) => value === test.credentials.keyProtect.guid),
  );

  if (!about) {
    throw new Error("The service ID has no policy on the instance.");
  }

  return {
    ...about,
    control: { grant: { roles: [{ role_id: "crn:v1:bluemix:public:iam::::serviceRole:Manager" }] } },
  };
};

const withAttribute =
  (key: string, value: string) =>
  (policy: Policy): Policy => ({
    ...policy,
    resource: {
      attributes: [
        ...policy.resource.attributes.filter((attribute) => attribute.key !== key),
        { key, operator: "stringEquals", value },
      ],
    },
  });

const noServiceRole =
  (says: (installed: Installed) => void) =>
  async (installed: Installed): Promise<void> => {
    await roles("Viewer")(installed);
    says(installed);
  };

const GRANT_MANAGER = /^ibmcloud iam service-policy-create ServiceId-\S+ --roles Manager --service-name kms /;

const cases: readonly Case[] = [
  {
    name: "an API key that was disabled",
    id: "apiKey",
    code: "API_KEY_DISABLED",
    command: /^curl -X POST "https:\/\/iam\.cloud\.ibm\.com\/v1\/apikeys\/\S+\/enable" /,
    clients: "refused",
    breaks: () =>
      test.sandbox.control.setApiKeysDisabled({
        serviceId: test.credentials.manager.serviceId,
        disabled: true,
      }),
    heals: () =>
      test.sandbox.control.setApiKeysDisabled({
        serviceId: test.credentials.manager.serviceId,
        disabled: false,
      }),
  },
  {
    name: "an API key that expired",
    id: "apiKey",
    code: "API_KEY_EXPIRED",
    command: /^ibmcloud iam service-api-key-create /,
    clients: "refused",
    breaks() {
      test.fault = async (request, next) => {
        const last = request.segments.at(-1);

        if (last === "token") {
          return { status: 400, body: { errorCode: "BXNIM0415E", errorMessage: "expired" } };
        }

        const response = await next();

        return last === "details"
          ? { ...response, body: { ...(response.body as object), expires_at: "2026-01-01T00:00+0000" } }
          : response;
      };
    },
  },
  {
    name: "an API key that was deleted",
    id: "apiKey",
    code: "API_KEY_REFUSED",
    command: /^ibmcloud iam service-api-key-create /,
    clients: "refused",
    breaks() {
      test.fault = async (request, next) => {
        switch (request.segments.at(-1)) {
          case "token":
            return { status: 400, body: { errorCode: "BXNIM0415E", errorMessage: "not found" } };
          case "details":
            return { status: 404, body: { errors: [{ code: "not_found" }] } };
          default:
            return next();
        }
      };
    },
  },
  {
    name: "a key manager that is out of order",
    id: "instanceReachable",
    code: "KEY_MANAGER_FAILURE",
    clients: "bridged",
    breaks: fault(atKeyManager, { status: 503 }),
  },
  {
    name: "a key manager that throttles",
    id: "instanceReachable",
    code: "KEY_MANAGER_THROTTLED",
    clients: "bridged",
    breaks: fault(atKeyManager, { status: 429, headers: { "retry-after": "60" } }),
  },
  {
    name: "HPCS out of order",
    kind: "hpcs",
    id: "instanceReachable",
    code: "KEY_MANAGER_FAILURE",
    clients: "bridged",
    breaks: fault(atKeyManager, { status: 503 }),
  },
  {
    name: "a key manager instance that was deleted and can be reclaimed",
    id: "instanceReachable",
    code: "KEY_MANAGER_INACTIVE",
    command: /^ibmcloud resource reclamations /,
    clients: "served",
    breaks: fault(
      (path) => path.includes("/resource_instances/"),
      (real) => ({ ...(real as object), state: "pending_reclamation" }),
    ),
  },
  {
    name: "no platform role",
    id: "platformViewer",
    code: "PLATFORM_VIEWER_MISSING",
    command: /--roles Viewer --service-name kms /,
    clients: "served",
    breaks: roles("Manager"),
    heals: allRoles,
  },
  {
    name: "the service role Writer, which cannot delete",
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    why: "OTHER_ROLE_ONLY",
    command: GRANT_MANAGER,
    clients: "served",
    breaks: roles("Viewer", "Writer"),
    heals: allRoles,
  },
  {
    name: "no service role at all",
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    command: GRANT_MANAGER,
    clients: "refused",
    breaks: roles("Viewer"),
    heals: allRoles,
  },
  {
    name: "the service role on a key ring only",
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    why: "ROLE_NARROWED",
    command: GRANT_MANAGER,
    clients: "refused",
    breaks: noServiceRole(policiesSay(withAttribute("keyRing", "other"))),
    heals: allRoles,
  },
  {
    name: "the service role on another instance",
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    why: "ROLE_ON_OTHER_INSTANCE",
    command: GRANT_MANAGER,
    clients: "refused",
    breaks: noServiceRole(
      policiesSay(withAttribute("serviceInstance", "77777777-7777-4777-8777-777777777777")),
    ),
    heals: allRoles,
  },
  {
    name: "a custom role",
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    why: "CUSTOM_ROLE_ONLY",
    command: GRANT_MANAGER,
    clients: "refused",
    breaks: noServiceRole(
      policiesSay((policy) => ({
        ...policy,
        control: {
          grant: {
            roles: [{ role_id: "crn:v1:bluemix:public:iam-access-management::a/1::customRole:KeyOfficer" }],
          },
        },
      })),
    ),
    heals: allRoles,
  },
  {
    name: "an instance policy against standard keys",
    id: "standardKeysAllowed",
    code: "STANDARD_KEYS_BLOCKED",
    command: /policy=keyCreateImportAccess/,
    clients: "served",
    breaks: fault(
      (path) => path.endsWith("/instance/policies"),
      () => ({
        metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
        resources: [
          {
            policy_type: "keyCreateImportAccess",
            policy_data: { enabled: true, attributes: { create_standard_key: false } },
          },
        ],
      }),
    ),
  },
  {
    name: "a root key that is not there",
    id: "crkFound",
    code: "CRK_NOT_FOUND",
    command: /^ibmcloud kp keys /,
    clients: "refused",
    breaks: fault((path, { crkId }) => atKeyManager(path) && path.includes(crkId), {
      status: 404,
      body: refusal("KEY_NOT_FOUND_ERR"),
    }),
  },
  {
    name: "a root key that may not be used",
    id: "crkFound",
    code: "CRK_FORBIDDEN",
    command: GRANT_MANAGER,
    clients: "refused",
    breaks: fault((path, { crkId }) => atKeyManager(path) && path.includes(crkId), { status: 401 }),
  },
  {
    name: "a standard key in the place of the root key",
    id: "crkIsRootKey",
    code: "CRK_IS_STANDARD_KEY",
    command: /^ibmcloud kp key create /,
    clients: "served",
    breaks: fault(
      (path) => path.endsWith("/metadata"),
      (real) => {
        const { resources, ...rest } = real as { resources: object[] };

        return { ...rest, resources: resources.map((key) => ({ ...key, extractable: true })) };
      },
    ),
  },
  {
    name: "a root key that was disabled",
    id: "crkActive",
    code: "CRK_DISABLED",
    command: /^ibmcloud kp key enable /,
    clients: "refused",
    breaks: action("disable"),
    heals: action("enable"),
  },
  {
    name: "a root key that was disabled on HPCS",
    kind: "hpcs",
    id: "crkActive",
    code: "CRK_DISABLED",
    command: /^KP_TARGET_ADDR=\S+ ibmcloud kp key enable /,
    clients: "refused",
    breaks: action("disable"),
    heals: action("enable"),
  },
  {
    name: "a root key that was deleted",
    id: "crkActive",
    code: "CRK_DESTROYED",
    command: /^ibmcloud kp key restore /,
    clients: "refused",
    breaks: ({ kind, crkId }) => test.administer(kind, "DELETE", `/keys/${crkId}`),
    heals: ({ kind, crkId }) => test.administer(kind, "POST", `/keys/${crkId}/restore`),
  },
  {
    name: "a root key that was moved out of the default key ring of HPCS",
    kind: "hpcs",
    id: "crkInDefaultKeyRing",
    code: "CRK_NOT_IN_DEFAULT_KEY_RING",
    command: /key update \S+ -r default /,
    clients: "served",
    async breaks({ crkId }) {
      await test.administer("hpcs", "POST", "/key_rings/other");
      await test.administer("hpcs", "PATCH", `/keys/${crkId}`, { body: { keyRingID: "other" } });
    },
    heals: ({ crkId }) =>
      test.administer("hpcs", "PATCH", `/keys/${crkId}`, { body: { keyRingID: "default" } }),
  },
  {
    name: "wrap that is refused",
    id: "wrapUnwrap",
    code: "WRAP_FORBIDDEN",
    command: GRANT_MANAGER,
    clients: "served",
    breaks: fault((path) => path.endsWith("/actions/wrap"), { status: 401 }),
  },
  {
    name: "unwrap that is refused",
    id: "wrapUnwrap",
    code: "WRAP_FORBIDDEN",
    command: GRANT_MANAGER,
    clients: "refused",
    breaks: fault((path) => path.endsWith("/actions/unwrap"), { status: 401 }),
  },
];

let broken: { readonly given: Case; readonly installed: Installed } | null = null;

async function heal(): Promise<void> {
  test.fault = null;

  if (broken) {
    const { given, installed } = broken;

    broken = null;
    await given.heals?.(installed);
  }
}

// Also after a test that failed: the sandbox is the next one's, too.
afterEach(heal);

describe("a check that fails while the instance serves", () => {
  it.each(cases)("$name: $code, and clients are $clients", async (given) => {
    const installed = await install(given.kind ?? "key-protect");

    broken = { given, installed };
    await given.breaks(installed);

    const report = describeReport((await check(installed)).report);
    const failed = report.checks.filter(({ status }) => status === "fail");

    expect(failed.map(({ id, code }) => [id, code])).toContainEqual([given.id, given.code]);

    const found = failed.find(({ id }) => id === given.id);

    expect(found?.detail, "the cause").toBeTruthy();
    expect(found?.remedy, "the remedy").toBeTruthy();
    expect(found?.params?.whyCode).toEqual(given.why ?? found?.params?.whyCode);

    if (given.command) {
      expect(found?.command).toMatch(given.command);
    }

    expect(await statusOf(installed)).toEqual({ status: "attention", statusReason: given.code });

    // The endpoint hears of it within a moment, long before its memory ends.
    if (given.clients === "refused") {
      await eventually(async () => (await get(installed)) === "refused", "the KEK is refused");
      clock.advance((TTL_SECONDS + 1) * 1_000);
      expect(await get(installed)).toBe("refused");
    } else {
      expect(await get(installed)).toBe("served");
      clock.advance((TTL_SECONDS + 1) * 1_000);
      expect(await get(installed)).toBe("served");
    }

    if (given.clients === "bridged") {
      clock.advance(GRACE_SECONDS * 1_000);
      expect(await get(installed)).toBe("unavailable");
    }

    await heal();
    await check(installed);
    expect(await statusOf(installed)).toEqual({ status: "installed", statusReason: null });
    await eventually(async () => (await get(installed)) === "served", "the KEK is served again");
  });

  it("a root key that expired can still unwrap: clients are served what is there", async () => {
    const installed = await install("key-protect", new Date(Date.now() + 3_000).toISOString());

    await eventually(async () => Date.now() > 0 && (await isDeactivated(installed)), "the root key expires");

    const report = describeReport((await check(installed)).report);
    const found = report.checks.find(({ id }) => id === "crkActive");

    expect(found).toMatchObject({ status: "fail", code: "CRK_DEACTIVATED" });
    expect(found?.remedy).toBeTruthy();
    expect(await statusOf(installed)).toEqual({ status: "attention", statusReason: "CRK_DEACTIVATED" });
    clock.advance((TTL_SECONDS + GRACE_SECONDS) * 1_000);
    expect(await get(installed)).toBe("served");
  });

  it("IAM out of order: the token in hand goes on, at the worker and at the endpoint", async () => {
    const installed = await install("key-protect");

    test.fault = async (request, next) =>
      request.segments.at(-1) === "token" || request.segments.at(-1) === "details" ? { status: 503 } : next();
    await check(installed);
    expect(await statusOf(installed)).toEqual({ status: "installed", statusReason: null });
    await publishIn(world.test.database.pool, { type: "instance.changed", instanceId: installed.id });
    clock.advance((TTL_SECONDS + GRACE_SECONDS) * 1_000);
    expect(await get(installed)).toBe("served");
  });
});

async function isDeactivated({ kind, crkId }: Installed): Promise<boolean> {
  const { json } = await test.administer(kind, "GET", `/keys/${crkId}/metadata`);
  const [key] = (json?.resources ?? []) as { id: string; state?: number }[];

  return key?.state === 3;
}
