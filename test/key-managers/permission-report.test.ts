import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { permissionReport } from "@/lib/api/key-managers/schemas";
import { describeReport } from "@/lib/api/texts/checks";
import { type PermissionCheckInput, runPermissionChecks } from "@/lib/core/permissions/run-permission-checks";
import { createIbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { Middleware } from "@/sandbox";
import { makeRootKey, sandboxForTests } from "./support/sandbox";
import { fakeJwt, startStub, unusedUrl } from "./support/stub-server";

const test = sandboxForTests();

beforeEach(async () => {
  const { manager, keyProtect, hpcs } = test.credentials;

  for (const { guid } of [keyProtect, hpcs]) {
    await test.sandbox.control.setRoles({
      serviceId: manager.serviceId,
      instanceGuid: guid,
      roles: ["Viewer", "Manager"],
    });
  }
});

afterEach(() => {
  test.fault = null;
});

function input(changes: Partial<PermissionCheckInput> = {}): PermissionCheckInput {
  return {
    kind: "key-protect",
    apiKey: test.credentials.manager.apiKey,
    keyManagerCrn: test.credentials.keyProtect.crn,
    crkId: test.credentials.keyProtect.rootKeys[0]?.id ?? "",
    correlationId: "22222222-2222-4222-8222-222222222222",
    timeoutMs: 2_000,
    ...changes,
  };
}

function hpcsInput(changes: Partial<PermissionCheckInput> = {}): PermissionCheckInput {
  return input({
    kind: "hpcs",
    keyManagerCrn: test.credentials.hpcs.crn,
    crkId: test.credentials.hpcs.rootKeys[0]?.id ?? "",
    ...changes,
  });
}

type PermissionOutcome = Awaited<ReturnType<typeof run>>;

/** Runs the checks with a token cache of their own; a check that broke fails the test. */
async function run(given: PermissionCheckInput, cloud = test.freshCloud()) {
  const broke: unknown[] = [];
  const { report, facts } = await runPermissionChecks(
    { ...given, onError: (error) => broke.push(error) },
    cloud,
  );
  const outcome = { report: describeReport(report), facts };

  expect(broke).toEqual([]);
  expect(permissionReport.parse(outcome.report)).toBeTruthy();
  // A check of which the messages know nothing would show its bare name.
  expect(outcome.report.checks.filter(({ id, title }) => id === title)).toEqual([]);

  return outcome;
}

function statuses({ report }: PermissionOutcome): Record<string, string> {
  return Object.fromEntries(report.checks.map((check) => [check.id, check.status]));
}

function check({ report }: PermissionOutcome, id: string) {
  const found = report.checks.find((candidate) => candidate.id === id);

  expect(found, id).toBeDefined();

  return found;
}

/** A fault at requests to the key managers whose path ends like this. */
function at(path: string, answer: Awaited<ReturnType<Middleware>>): Middleware {
  return async (request, next) =>
    request.segments.includes("api") && `/${request.segments.join("/")}`.endsWith(path) ? answer : next();
}

describe("when all is well", () => {
  it("passes every check of Key Protect and tells what it learned", async () => {
    const outcome = await run(input());
    const { keyProtect, manager } = test.credentials;

    expect(outcome.report.ok).toBe(true);
    expect(outcome.report.serviceId).toBe(manager.serviceId);
    expect(outcome.report.checks.map(({ id }) => id)).toEqual([
      "apiKey",
      "serviceId",
      "instanceReachable",
      "platformViewer",
      "serviceManager",
      "standardKeysAllowed",
      "crkFound",
      "crkIsRootKey",
      "crkActive",
      "wrapUnwrap",
    ]);
    expect(new Set(Object.values(statuses(outcome)))).toEqual(new Set(["pass"]));
    expect(outcome.facts).toMatchObject({
      serviceId: manager.serviceId,
      serviceIdName: "manager",
      keyManager: {
        crn: keyProtect.crn,
        guid: keyProtect.guid,
        region: "us-south",
        endpoint: `${test.sandbox.url}/key-protect/us-south`,
      },
      crk: { id: keyProtect.rootKeys[0]?.id, state: "active", keyRing: "default" },
    });
    expect(outcome.facts.crk?.currentVersion).toBeTruthy();
    expect(outcome.report.checks.every(({ durationMs = -1 }) => durationMs >= 0)).toBe(true);
  });

  it("passes HPCS with an API key, and says that no authorization is needed", async () => {
    const outcome = await run(hpcsInput());

    expect(outcome.report.ok).toBe(true);
    expect(statuses(outcome)).toMatchObject({
      authorizationFound: "skipped",
      platformViewer: "pass",
      vmwareKmipManager: "pass",
      crkInDefaultKeyRing: "pass",
      crkActive: "pass",
      wrapUnwrap: "pass",
    });
    expect(check(outcome, "authorizationFound")?.code).toBe("AUTHORIZATION_NOT_NEEDED");
  });

  it("leaves nothing behind in the key manager", async () => {
    const count = async () =>
      (await test.administer("key-protect", "GET", "/keys?limit=5000")).json?.resources?.length;
    const before = await count();
    await run(input());

    expect(await count()).toBe(before);
  });
});

type Case = {
  name: string;
  /** Brings the failure about; what it returns changes the input. */
  arrange: () => Promise<Partial<PermissionCheckInput> | undefined>;
  hpcs?: boolean;
  id: string;
  status?: "fail" | "warn";
  code: string;
  remedy: RegExp;
  command?: () => string | RegExp;
  /** Checks that wait for it. */
  skipped?: string[];
};

const guid = () => test.credentials.keyProtect.guid;
const serviceId = () => test.credentials.manager.serviceId;
const grant = (role: string, service = "kms", instance = guid()) =>
  `ibmcloud iam service-policy-create ${serviceId()} --roles ${role} --service-name ${service} --service-instance ${instance}`;
const crkChecks: string[] = ["crkFound", "crkIsRootKey", "crkActive", "wrapUnwrap"];

async function lackRoles(
  roles: ("Viewer" | "Reader" | "Writer" | "Manager")[],
  hpcs = false,
): Promise<undefined> {
  await test.sandbox.control.setRoles({
    serviceId: serviceId(),
    instanceGuid: hpcs ? test.credentials.hpcs.guid : guid(),
    roles,
  });

  return undefined;
}

async function fault(middleware: Middleware): Promise<undefined> {
  test.fault = middleware;

  return undefined;
}

async function rootKeyAfter(...actions: string[]): Promise<Partial<PermissionCheckInput>> {
  const crkId = await makeRootKey(test, "checked");

  for (const action of actions) {
    if (action === "delete") {
      await test.administer("key-protect", "DELETE", `/keys/${crkId}`);
    } else {
      await test.administer("key-protect", "POST", `/keys/${crkId}/actions/${action}`);
    }
  }

  return { crkId };
}

async function setPolicy(attributes: object, enabled = true): Promise<void> {
  const answer = await test.administer(
    "key-protect",
    "PUT",
    "/instance/policies?policy=keyCreateImportAccess",
    {
      body: {
        metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
        resources: [{ policy_type: "keyCreateImportAccess", policy_data: { enabled, attributes } }],
      },
    },
  );

  expect(answer.status).toBe(204);
}

const cases: Case[] = [
  {
    name: "an API key that IAM does not know",
    arrange: async () => ({ apiKey: "not-an-api-key-of-anybody" }),
    id: "apiKey",
    code: "API_KEY_REFUSED",
    remedy: /new API key/,
    command: () => /^ibmcloud iam service-api-key-create /,
    skipped: [
      "serviceId",
      "instanceReachable",
      "platformViewer",
      "serviceManager",
      "standardKeysAllowed",
      ...crkChecks,
    ],
  },
  {
    name: "IAM out of order",
    arrange: () =>
      fault(async (request, next) => (request.segments.at(-1) === "token" ? { status: 503 } : next())),
    id: "apiKey",
    code: "IAM_UNAVAILABLE",
    remedy: /reaches IAM/,
    skipped: ["serviceId", "platformViewer", "wrapUnwrap"],
  },
  {
    name: "an API key that ends soon",
    arrange: () =>
      fault(async (request, next) => {
        const response = await next();

        return request.segments.at(-1) === "details" && typeof response.body === "object"
          ? {
              ...response,
              body: { ...response.body, expires_at: new Date(Date.now() + 86_400_000).toISOString() },
            }
          : response;
      }),
    id: "apiKey",
    status: "warn",
    code: "API_KEY_EXPIRES_SOON",
    remedy: /new API key/,
    command: () => `ibmcloud iam service-api-key-create kmip-console ${serviceId()}`,
  },
  {
    name: "no platform role",
    arrange: () => lackRoles(["Manager"]),
    id: "platformViewer",
    code: "PLATFORM_VIEWER_MISSING",
    remedy: /Viewer/,
    command: () => grant("Viewer"),
    skipped: ["instanceReachable", "serviceManager", "standardKeysAllowed", ...crkChecks],
  },
  {
    name: "an instance that does not exist",
    arrange: async () => ({
      keyManagerCrn: test.credentials.keyProtect.crn.replace(guid(), "99999999-9999-4999-8999-999999999999"),
    }),
    id: "platformViewer",
    code: "KEY_MANAGER_NOT_FOUND",
    remedy: /Viewer/,
    command: () => grant("Viewer", "kms", "99999999-9999-4999-8999-999999999999"),
  },
  {
    name: "a CRN of another service",
    arrange: async () => ({ keyManagerCrn: test.credentials.hpcs.crn }),
    id: "platformViewer",
    code: "CRN_INVALID",
    remedy: /Choose the key manager/,
    skipped: ["instanceReachable", ...crkChecks],
  },
  {
    name: "the resource controller out of order",
    arrange: () =>
      fault(async (request, next) =>
        request.segments.includes("resource_instances") ? { status: 500 } : next(),
      ),
    id: "platformViewer",
    code: "RESOURCE_CONTROLLER_UNAVAILABLE",
    remedy: /resource controller/,
  },
  {
    name: "an instance that was deleted and can be reclaimed",
    arrange: () =>
      fault(async (request, next) => {
        const response = await next();

        return request.segments.includes("resource_instances") && typeof response.body === "object"
          ? { ...response, body: { ...response.body, state: "pending_reclamation" } }
          : response;
      }),
    id: "instanceReachable",
    code: "KEY_MANAGER_INACTIVE",
    remedy: /Restore/,
    command: () => `ibmcloud resource reclamations --resource-instance-id ${guid()}`,
  },
  {
    name: "an instance without endpoints",
    arrange: () =>
      fault(async (request, next) => {
        const response = await next();

        return request.segments.includes("resource_instances") && typeof response.body === "object"
          ? { ...response, body: { ...response.body, extensions: null } }
          : response;
      }),
    id: "instanceReachable",
    code: "ENDPOINT_UNKNOWN",
    remedy: /endpoints/,
    command: () => `ibmcloud resource service-instance ${guid()} --output json`,
  },
  {
    name: "a key manager that nobody answers for",
    arrange: async () => {
      const url = await unusedUrl();

      return fault(async (request, next) => {
        const response = await next();

        return request.segments.includes("resource_instances") && typeof response.body === "object"
          ? { ...response, body: { ...response.body, extensions: { endpoints: { private: url } } } }
          : response;
      });
    },
    id: "instanceReachable",
    code: "KEY_MANAGER_UNREACHABLE",
    remedy: /VRF/,
    command: () => /^curl -sS -I http:\/\/127\.0\.0\.1:\d+\/api\/v2\/keys$/,
    skipped: ["serviceManager", "standardKeysAllowed", ...crkChecks],
  },
  {
    name: "a key manager that does not answer in time",
    arrange: async () => {
      const stub = await startStub(() => "hang");
      await fault(async (request, next) => {
        const response = await next();

        return request.segments.includes("resource_instances") && typeof response.body === "object"
          ? { ...response, body: { ...response.body, extensions: { endpoints: { private: stub.url } } } }
          : response;
      });

      return { timeoutMs: 300 };
    },
    id: "instanceReachable",
    code: "KEY_MANAGER_TIMEOUT",
    remedy: /firewalls/,
    command: () => /^curl /,
  },
  {
    name: "a key manager that throttles",
    arrange: () => fault(at("/instance/policies", { status: 429, headers: { "retry-after": "60" } })),
    id: "instanceReachable",
    code: "KEY_MANAGER_THROTTLED",
    remedy: /minute/,
  },
  {
    name: "a key manager with a failure of its own",
    arrange: () => fault(at("/instance/policies", { status: 500 })),
    id: "instanceReachable",
    code: "KEY_MANAGER_FAILURE",
    remedy: /status page/,
  },
  {
    name: "HPCS without a master key",
    hpcs: true,
    arrange: () =>
      fault(
        at("/instance/policies", {
          status: 400,
          body: { resources: [{ errorMsg: "Bad Request: CKR_IBM_WK_NOT_INITIALIZED: not initialized" }] },
        }),
      ),
    id: "instanceReachable",
    code: "HPCS_NOT_INITIALIZED",
    remedy: /master key/,
    command: () => "ibmcloud tke cryptounit-compare",
  },
  {
    name: "no service role",
    arrange: () => lackRoles(["Viewer"]),
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    remedy: /Manager/,
    command: () => grant("Manager"),
    skipped: ["standardKeysAllowed", ...crkChecks],
  },
  {
    name: "the service role Writer, which can do all but delete",
    arrange: () => lackRoles(["Viewer", "Writer"]),
    id: "serviceManager",
    code: "SERVICE_MANAGER_MISSING",
    remedy: /Manager/,
    command: () => grant("Manager"),
  },
  {
    name: "no service role on HPCS",
    hpcs: true,
    arrange: () => lackRoles(["Viewer"], true),
    id: "vmwareKmipManager",
    code: "SERVICE_MANAGER_MISSING",
    remedy: /Manager/,
    command: () => grant("Manager", "hs-crypto", test.credentials.hpcs.guid),
    skipped: ["crkInDefaultKeyRing", ...crkChecks],
  },
  {
    name: "an instance policy against standard keys",
    arrange: async () => {
      onTestFinished(() => setPolicy({ create_standard_key: true, import_standard_key: true }, false));
      await setPolicy({
        create_root_key: true,
        create_standard_key: false,
        import_root_key: true,
        import_standard_key: false,
      });

      return undefined;
    },
    id: "standardKeysAllowed",
    code: "STANDARD_KEYS_BLOCKED",
    remedy: /Allow/,
    command: () => /^curl -X PUT ".+\/api\/v2\/instance\/policies\?policy=keyCreateImportAccess"/,
  },
  {
    name: "a root key that does not exist",
    arrange: async () => ({ crkId: "88888888-8888-4888-8888-888888888888" }),
    id: "crkFound",
    code: "CRK_NOT_FOUND",
    remedy: /Choose a root key/,
    command: () => `ibmcloud kp keys -i ${guid()}`,
    skipped: ["crkIsRootKey", "crkActive", "wrapUnwrap"],
  },
  {
    name: "a root key that may not be read",
    arrange: () => fault(at("/metadata", { status: 401, body: {} })),
    id: "crkFound",
    code: "CRK_FORBIDDEN",
    remedy: /whole instance/,
    command: () => grant("Manager"),
  },
  {
    name: "a root key in another ring than chosen",
    arrange: async () => ({ keyRing: "vmware" }),
    id: "crkFound",
    status: "warn",
    code: "CRK_OTHER_KEY_RING",
    remedy: /key ring/,
  },
  {
    name: "a standard key in the place of the root key",
    arrange: async () => {
      const { id } = await test
        .connect("key-protect")
        .createStandardKey({ name: "no root", payload: new Uint8Array(32) }, { correlationId: "x" });

      return { crkId: id };
    },
    id: "crkIsRootKey",
    code: "CRK_IS_STANDARD_KEY",
    remedy: /root key/,
    command: () => `ibmcloud kp key create kmip-crk -i ${guid()}`,
    skipped: ["crkActive", "wrapUnwrap"],
  },
  {
    name: "a root key in another ring than default on HPCS",
    hpcs: true,
    arrange: async () => {
      await test.administer("hpcs", "POST", "/key_rings/other");

      return { crkId: await makeRootKey(test, "elsewhere", { kind: "hpcs", keyRing: "other" }) };
    },
    id: "crkInDefaultKeyRing",
    code: "CRK_NOT_IN_DEFAULT_KEY_RING",
    remedy: /Move/,
    command: () => /^KP_TARGET_ADDR=\S+ ibmcloud kp key update \S+ -r default -i \S+$/,
  },
  {
    name: "a disabled root key",
    arrange: () => rootKeyAfter("disable"),
    id: "crkActive",
    code: "CRK_DISABLED",
    remedy: /Enable/,
    command: () => /^ibmcloud kp key enable [0-9a-f-]{36} -i /,
    skipped: ["wrapUnwrap"],
  },
  {
    name: "a deleted root key",
    arrange: () => rootKeyAfter("delete"),
    id: "crkActive",
    code: "CRK_DESTROYED",
    remedy: /Restore/,
    command: () => /^ibmcloud kp key restore [0-9a-f-]{36} -i /,
    skipped: ["wrapUnwrap"],
  },
  {
    name: "a root key that expires soon",
    arrange: async () => ({
      crkId: await makeRootKey(test, "ending", {
        expirationDate: new Date(Date.now() + 86_400_000).toISOString(),
      }),
    }),
    id: "crkActive",
    status: "warn",
    code: "CRK_EXPIRES_SOON",
    remedy: /expiration/,
  },
  {
    name: "a root key that may not be used",
    arrange: () => fault(at("/actions/wrap", { status: 401, body: {} })),
    id: "wrapUnwrap",
    code: "WRAP_FORBIDDEN",
    remedy: /Manager/,
    command: () => grant("Manager"),
  },
  {
    name: "a root key that was disabled a moment ago",
    arrange: () =>
      fault(
        at("/actions/unwrap", {
          status: 409,
          body: {
            resources: [{ errorMsg: "Conflict", reasons: [{ code: "KEY_ACTION_INVALID_STATE_ERR" }] }],
          },
        }),
      ),
    id: "wrapUnwrap",
    code: "CRK_DISABLED",
    remedy: /Enable/,
  },
  {
    name: "a key manager that gives other bytes back",
    arrange: () =>
      fault(at("/actions/unwrap", { status: 200, body: { plaintext: Buffer.alloc(32).toString("base64") } })),
    id: "wrapUnwrap",
    code: "PROBE_CHANGED",
    remedy: /IBM support/,
  },
];

describe("each failure", () => {
  it.each(cases)("$name: $id says $code", async (given) => {
    const changes = (await given.arrange()) ?? {};
    const outcome = await run(given.hpcs ? hpcsInput(changes) : input(changes));
    const found = check(outcome, given.id);

    expect(found).toMatchObject({ status: given.status ?? "fail", code: given.code });
    expect(outcome.report.ok).toBe(given.status === "warn");
    expect(found?.remedy).toMatch(given.remedy);

    const command = given.command?.();

    if (command === undefined) {
      expect(typeof found?.command === "string" ? found.command : "").not.toContain("undefined");
    } else if (typeof command === "string") {
      expect(found?.command).toBe(command);
    } else {
      expect(found?.command).toMatch(command);
    }

    for (const id of given.skipped ?? []) {
      const waiting = check(outcome, id);

      expect(waiting, id).toMatchObject({ status: "skipped", code: "WAITS_FOR" });
      expect(waiting?.params?.check, id).toBe(given.id);
    }

    // The report names the one thing to mend: nothing else fails beside it.
    expect(outcome.report.checks.filter(({ status }) => status === "fail").map(({ id }) => id)).toEqual(
      given.status === "warn" ? [] : [given.id],
    );
    expect(inspect(outcome, { depth: 10 })).not.toContain(test.credentials.manager.apiKey);
    expect(inspect(outcome, { depth: 10 })).not.toMatch(/eyJ[A-Za-z0-9]/);
  });
});

describe("explanations", () => {
  it("says why the role is missing", async () => {
    await lackRoles(["Viewer", "Reader"]);
    const found = check(await run(input()), "serviceManager");

    expect(found?.params?.whyCode).toBe("OTHER_ROLE_ONLY");
    expect(found?.detail).toContain("Reader");
  });

  it("says that the role is on the other instance", async () => {
    await lackRoles([]);
    const outcome = await run(input());
    const found = check(outcome, "platformViewer");

    expect(found?.code).toBe("PLATFORM_VIEWER_MISSING");
    expect(found?.detail).toContain("lacks the platform role Viewer");
  });
});

describe("who owns the API key", () => {
  it("warns of a person's API key and grants roles to a person", async () => {
    const iam = await startStub((request) =>
      request.method === "POST"
        ? { status: 200, json: { access_token: fakeJwt({ iam_id: "IBMid-1" }), expires_in: 3600 } }
        : { status: 403, json: {} },
    );
    const cloud = createIbmCloud({
      iamUrl: iam.url,
      resourceControllerUrl: iam.url,
      endpointType: "private",
    });
    const outcome = await run(input(), cloud);

    expect(check(outcome, "serviceId")).toMatchObject({ status: "warn", code: "API_KEY_OF_USER" });
    expect(check(outcome, "platformViewer")?.command).toMatch(/^ibmcloud iam user-policy-create USER_EMAIL /);
    expect(outcome.report.serviceId).toBeNull();
  });
});
