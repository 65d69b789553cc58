import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { discoverResponse, permissionReport, rootKeysResponse } from "@/lib/api/key-managers/schemas";
import { describeReport } from "@/lib/api/texts/checks";
import type { Actor, Role } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { discoverKeyManagers, listRootKeys } from "@/lib/core/key-managers";
import { validateKeyManager } from "@/lib/core/permissions";
import { runPermissionChecks } from "@/lib/core/permissions/run-permission-checks";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { call, hasSoftHsm, softHsmForTests, type TestToken } from "./support/softhsm";
import { administerToken } from "./support/token-administrator";

function actor(role: Role = "operator"): Actor {
  return {
    kind: "user",
    id: "u",
    name: "Test",
    accountId: "11111111-2222-4333-8444-555555555555",
    role,
    remoteAddress: null,
    userAgent: null,
    requestId: randomUUID(),
  };
}

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );

  if (!(error instanceof AppError)) {
    throw new Error(`It was not refused: ${inspect(error)}`);
  }

  return error;
}

describe.skipIf(!hasSoftHsm)("tokens in the console", () => {
  const hsm = softHsmForTests();
  let token: TestToken;
  let database: TestDatabase;
  const target = (keyManagerCrn = token.uri) => ({
    kind: "pkcs11" as const,
    apiKey: token.pin,
    keyManagerCrn,
  });

  beforeAll(async () => {
    database = await createTestDatabase();
    token = await hsm.makeToken("kmip console");
    await token.connect().generateRootKey("crk", call);
  });

  afterAll(() => database.drop());

  it("discovers the tokens of the configured modules without a PIN", async () => {
    const found = await discoverKeyManagers(actor(), { kind: "pkcs11" });

    expect(discoverResponse.parse(found)).toBeTruthy();
    expect(found.keyManagers).toEqual([
      {
        crn: token.uri,
        guid: token.serial,
        name: "kmip console",
        region: "",
        endpoints: { public: null, private: null },
      },
    ]);
    expect(token.uri).toBe(`pkcs11:token=kmip%20console;serial=${token.serial}?module-name=softhsm`);
    expect((await refusal(discoverKeyManagers(actor("viewer"), { kind: "pkcs11" }))).code).toBe("FORBIDDEN");
  });

  it("lists root keys, in the form of the API", async () => {
    const page = await listRootKeys(actor(), target());

    expect(rootKeysResponse.parse(page)).toBeTruthy();
    expect(page).toMatchObject({
      items: [{ id: "crk", name: "crk", state: "active" }],
      keyRings: ["default"],
    });
  });

  it("needs a PIN, the right one, and the address of a token of a configured module", async () => {
    expect((await refusal(listRootKeys(actor(), { ...target(), apiKey: undefined }))).code).toBe(
      "VALIDATION_FAILED",
    );

    const wrong = await refusal(listRootKeys(actor(), { ...target(), apiKey: "nobodys-pin" }));
    expect(wrong).toMatchObject({
      code: "KEY_MANAGER_CREDENTIALS",
      message: "The token does not take this PIN. (CKR_PIN_INCORRECT)",
    });
    expect(inspect(wrong, { depth: 10, showHidden: true })).not.toContain("nobodys-pin");

    for (const crn of [
      "crn:v1:bluemix:public:kms:us-south:a/1:2::",
      "pkcs11:token=x;serial=y?module-path=/usr/lib/softhsm/libsofthsm2.so",
      "pkcs11:token=x;serial=y?module-name=softhsm&module-path=/tmp/evil.so",
    ]) {
      expect(await refusal(listRootKeys(actor(), target(crn)))).toMatchObject({
        code: "VALIDATION_FAILED",
        invalidParams: [{ code: "INVALID_TOKEN_URI" }],
      });
    }

    const elsewhere = token.uri.replace("module-name=softhsm", "module-name=%2Ftmp%2Fevil.so");
    expect((await refusal(listRootKeys(actor(), target(elsewhere)))).code).toBe("NOT_AVAILABLE");
  });

  it("reports that everything is there", async () => {
    const report = describeReport(await validateKeyManager(actor(), { ...target(), crkId: "crk" }));

    expect(permissionReport.parse(report).ok).toBe(true);
    expect(report.checks.map(({ id, status }) => `${id} ${status}`)).toEqual([
      "module pass",
      "token pass",
      "pin pass",
      "crkFound pass",
      "crkIsRootKey pass",
      "crkActive pass",
      "wrapUnwrap pass",
      "storage pass",
    ]);
    expect(JSON.stringify(report)).not.toContain(token.pin);
  });

  describe("a failing check says what and how to mend it", () => {
    const check = (input: { crn?: string; pin?: string; crkId?: string }) =>
      runPermissionChecks({
        kind: "pkcs11",
        apiKey: input.pin ?? token.pin,
        keyManagerCrn: input.crn ?? token.uri,
        crkId: input.crkId ?? "crk",
        correlationId: randomUUID(),
      });

    async function expectFailure(
      input: Parameters<typeof check>[0],
      id: string,
      code: string,
      command?: string,
    ): Promise<void> {
      const report = describeReport((await check(input)).report);
      const failed = report.checks.filter(({ status }) => status === "fail");

      expect(report.ok).toBe(false);
      expect(failed.map((item) => [item.id, item.code])).toEqual([[id, code]]);
      expect(failed[0]?.remedy).toMatch(/\w/);

      if (command !== undefined) {
        expect(failed[0]?.command).toBe(command);
      }
    }

    it("module", async () => {
      await expectFailure({ crn: "crn:v1:other" }, "module", "TOKEN_URI_INVALID");
      await expectFailure({ crn: token.uri.replace("=softhsm", "=luna") }, "module", "MODULE_NOT_CONFIGURED");
      await expectFailure({ crn: token.uri.replace("=softhsm", "=missing") }, "module", "MODULE_NOT_LOADED");
    });

    it("token", async () => {
      await expectFailure(
        { crn: token.uri.replace("kmip%20console", "another") },
        "token",
        "TOKEN_NOT_PRESENT",
      );
    });

    it("PIN", async () => {
      await expectFailure({ pin: "not-the-pin" }, "pin", "PIN_REFUSED");
    });

    it("root key", async () => {
      await expectFailure(
        { crkId: "no such" },
        "crkFound",
        "TOKEN_KEY_NOT_FOUND",
        "npm run -s cli -- pkcs11 create-root-key --token 'kmip console' --label 'no such'",
      );
      await administerToken(token, { makeReadableKey: "readable" });
      await expectFailure({ crkId: "readable" }, "crkIsRootKey", "TOKEN_KEY_EXTRACTABLE");
      await administerToken(token, { makeShortKey: "short" });
      await expectFailure({ crkId: "short" }, "crkIsRootKey", "TOKEN_KEY_NOT_AES256");
    });

    it("state of the root key", async () => {
      await token.connect().generateRootKey("governed", call);
      await administerToken(token, { setKey: "governed", encrypt: false, decrypt: false });
      await expectFailure({ crkId: "governed" }, "crkActive", "TOKEN_KEY_SUSPENDED");
      await administerToken(token, { setKey: "governed", encrypt: false, decrypt: true });
      await expectFailure({ crkId: "governed" }, "crkActive", "TOKEN_KEY_DECRYPTS_ONLY");
      await administerToken(token, { setKey: "governed", encrypt: true, decrypt: true });
      expect((await check({ crkId: "governed" })).report.ok).toBe(true);
    });
  });
});
