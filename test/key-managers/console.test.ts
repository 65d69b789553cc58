import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { discoverResponse, permissionReport, rootKeysResponse } from "@/lib/api/key-managers/schemas";
import { describeReport } from "@/lib/api/texts/checks";
import type { Actor, Role } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { discoverKeyManagers, listKeyRings, listRootKeys, toAppError } from "@/lib/core/key-managers";
import { validateKeyManager } from "@/lib/core/permissions";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import {
  KEY_MANAGER_FAILURES,
  KeyManagerError,
  type KeyManagerFailure,
} from "@/lib/key-managers/key-manager";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { makeRootKey, sandboxForTests } from "./support/sandbox";
import { unusedUrl } from "./support/stub-server";

const test = sandboxForTests();
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

afterEach(() => {
  test.fault = null;
});

function actor(role: Role = "operator"): Actor {
  return {
    kind: "user",
    id: "u",
    name: "Test",
    accountId: "11111111-2222-4333-8444-555555555555",
    role,
    remoteAddress: null,
    userAgent: null,
    requestId: "33333333-3333-4333-8333-333333333333",
  };
}

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );

  expect(error).toBeInstanceOf(AppError);

  return error as AppError;
}

const target = () => ({
  kind: "key-protect" as const,
  apiKey: test.credentials.manager.apiKey,
  keyManagerCrn: test.credentials.keyProtect.crn,
});

describe("discoverKeyManagers", () => {
  it("finds the Key Protect instance and names the service ID", async () => {
    const found = await discoverKeyManagers(
      actor(),
      { kind: "key-protect", apiKey: target().apiKey },
      test.cloud,
    );

    expect(discoverResponse.parse(found)).toBeTruthy();
    expect(found).toMatchObject({
      serviceId: test.credentials.manager.serviceId,
      serviceIdName: "manager",
    });
    expect(found.keyManagers).toEqual([
      expect.objectContaining({
        crn: test.credentials.keyProtect.crn,
        guid: test.credentials.keyProtect.guid,
        region: "us-south",
      }),
    ]);
  });

  it("keeps to a region", async () => {
    const found = await discoverKeyManagers(
      actor(),
      { kind: "key-protect", apiKey: target().apiKey, region: "eu-de" },
      test.cloud,
    );

    expect(found.keyManagers).toEqual([]);
  });

  it("offers an HPCS instance with a root key", async () => {
    const found = await discoverKeyManagers(actor(), { kind: "hpcs", apiKey: target().apiKey }, test.cloud);

    expect(found.keyManagers.map(({ guid }) => guid)).toEqual([test.credentials.hpcs.guid]);
    expect(found.notOffered).toEqual([]);
  });

  it("offers no HPCS instance without root keys, or that may not be read, and says why", async () => {
    test.fault = async (request, next) =>
      request.segments.at(-1) === "keys" ? { status: 200, body: { metadata: {} } } : next();
    const empty = await discoverKeyManagers(actor(), { kind: "hpcs", apiKey: target().apiKey }, test.cloud);
    expect(empty.keyManagers).toEqual([]);
    expect(empty.notOffered).toMatchObject([{ crn: test.credentials.hpcs.crn, reason: "NO_ROOT_KEY" }]);

    test.fault = null;
    const unread = await discoverKeyManagers(
      actor(),
      { kind: "hpcs", apiKey: test.credentials.viewerOnly.apiKey },
      test.cloud,
    );
    expect(unread.keyManagers).toEqual([]);
    expect(unread.notOffered).toMatchObject([{ reason: "FORBIDDEN" }]);
  });

  it("refuses a viewer, a missing key, a wrong key, PKCS#11", async () => {
    const apiKey = "wrong-key-of-nobody";
    const discover = (role: Role, input: Parameters<typeof discoverKeyManagers>[1]) =>
      refusal(discoverKeyManagers(actor(role), input, test.cloud));

    expect((await discover("viewer", { kind: "key-protect", apiKey })).code).toBe("FORBIDDEN");
    expect(await discover("operator", { kind: "key-protect" })).toMatchObject({
      code: "VALIDATION_FAILED",
      invalidParams: [{ name: "apiKey", code: "REQUIRED" }],
    });
    const wrong = await discover("operator", { kind: "key-protect", apiKey });
    expect(wrong.code).toBe("KEY_MANAGER_CREDENTIALS");
    expect(inspect(wrong, { depth: 10, showHidden: true })).not.toContain(apiKey);
    expect((await discover("operator", { kind: "pkcs11", apiKey })).code).toBe("NOT_AVAILABLE");
  });
});

describe("listRootKeys", () => {
  it("lists root keys with the key rings, in the form of the API", async () => {
    const page = await listRootKeys(actor(), target(), test.cloud);

    expect(rootKeysResponse.parse(page)).toBeTruthy();
    expect(page.items.map(({ id }) => id).toSorted()).toEqual(
      test.credentials.keyProtect.rootKeys.map(({ id }) => id).toSorted(),
    );
    expect(page.keyRings).toEqual(["default", "vmware"]);
    expect((await listKeyRings(actor(), target(), test.cloud)).keyRings).toEqual(["default", "vmware"]);
  });

  it("pages with the cursor and refuses another", async () => {
    const first = await listRootKeys(actor(), { ...target(), limit: 1 }, test.cloud);
    const second = await listRootKeys(
      actor(),
      { ...target(), limit: 1, cursor: first.nextCursor ?? "" },
      test.cloud,
    );

    expect(first.items[0]?.id).not.toBe(second.items[0]?.id);
    expect((await refusal(listRootKeys(actor(), { ...target(), cursor: "x" }, test.cloud))).code).toBe(
      "INVALID_CURSOR",
    );
  });

  it("shows only the default key ring of HPCS", async () => {
    await test.administer("hpcs", "POST", "/key_rings/other");
    const elsewhere = await makeRootKey(test, "elsewhere", { kind: "hpcs", keyRing: "other" });
    const page = await listRootKeys(
      actor(),
      { ...target(), kind: "hpcs", keyManagerCrn: test.credentials.hpcs.crn, keyRing: "other" },
      test.cloud,
    );

    expect(page.items.map(({ id }) => id)).toContain(test.credentials.hpcs.rootKeys[0]?.id);
    expect(page.items.map(({ id }) => id)).not.toContain(elsewhere);
    expect(page.keyRings).toEqual(["default"]);
  });

  it("takes key rings from the keys when a role does not let it list them", async () => {
    test.fault = async (request, next) =>
      request.segments.at(-1) === "key_rings" ? { status: 401, body: {} } : next();

    expect((await listRootKeys(actor(), target(), test.cloud)).keyRings).toEqual(["default", "vmware"]);
  });

  it("refuses a CRN of another service, an unknown instance, a role that may not read", async () => {
    const other = await refusal(
      listRootKeys(actor(), { ...target(), keyManagerCrn: test.credentials.hpcs.crn }, test.cloud),
    );
    expect(other).toMatchObject({ code: "VALIDATION_FAILED", invalidParams: [{ code: "INVALID_CRN" }] });

    const unknown = target().keyManagerCrn.replace(
      test.credentials.keyProtect.guid,
      "99999999-9999-4999-8999-999999999999",
    );
    expect(
      (await refusal(listRootKeys(actor(), { ...target(), keyManagerCrn: unknown }, test.cloud))).code,
    ).toBe("NOT_FOUND");
    expect(
      (
        await refusal(
          listRootKeys(actor(), { ...target(), apiKey: test.credentials.viewerOnly.apiKey }, test.cloud),
        )
      ).code,
    ).toBe("KEY_MANAGER_FORBIDDEN");
  });

  it("says that the key manager is out of reach", async () => {
    const url = await unusedUrl();
    test.fault = async (request, next) => {
      const response = await next();

      return request.segments.includes("resource_instances") && typeof response.body === "object"
        ? { ...response, body: { ...response.body, extensions: { endpoints: { private: url } } } }
        : response;
    };

    expect(await refusal(listRootKeys(actor(), target(), test.cloud))).toMatchObject({
      code: "KEY_MANAGER_UNAVAILABLE",
      status: 503,
      extra: { keyManager: { failure: "unreachable", code: "ECONNREFUSED" } },
    });
  });
});

describe("validateKeyManager", () => {
  it("gives the report, also when there is something to mend", async () => {
    const crkId = test.credentials.keyProtect.rootKeys[0]?.id ?? "";
    const good = await validateKeyManager(actor(), { ...target(), crkId }, test.cloud);
    expect(permissionReport.parse(describeReport(good)).ok).toBe(true);

    const bad = await validateKeyManager(
      actor(),
      { ...target(), apiKey: test.credentials.viewerOnly.apiKey, crkId },
      test.cloud,
    );
    expect(bad.ok).toBe(false);
    expect(bad.serviceId).toBe(test.credentials.viewerOnly.serviceId);
  });

  it("needs the role operator", async () => {
    expect(
      (await refusal(validateKeyManager(actor("auditor"), { ...target(), crkId: "x" }, test.cloud))).code,
    ).toBe("FORBIDDEN");
  });
});

describe("toAppError", () => {
  it.each(Object.keys(KEY_MANAGER_FAILURES) as KeyManagerFailure[])("words the failure %s", (failure) => {
    const error = toAppError(
      new KeyManagerError(failure, "raw", { code: "SOME_CODE", correlationId: "c-1", retryAfterMs: 5 }),
    );

    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      extra: { keyManager: { failure, code: "SOME_CODE", correlationId: "c-1", retryAfterMs: 5 } },
    });
    expect((error as AppError).status).toBe(
      failure === "notFound" ? 404 : KEY_MANAGER_FAILURES[failure].definite ? 422 : 503,
    );
  });

  it("words failures of IBM Cloud, and leaves other errors alone", () => {
    expect(toAppError(new IbmCloudError("throttled", "raw"))).toMatchObject({
      code: "KEY_MANAGER_UNAVAILABLE",
    });
    const other = new Error("bug");
    expect(toAppError(other)).toBe(other);
  });
});
