import { describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { callApi, houseForTests, keyManagerOf } from "./support/house";

const house = houseForTests();
const token = () => house.a.tokens.administrator;

describe("the kinds of key managers", () => {
  it("are told to every member with what each needs, and why one cannot be used here", async () => {
    const { status, body } = await callApi(operations.listKeyManagers, { token: house.a.tokens.viewer });
    const apiKey = {
      type: "apiKey",
      fields: [{ name: "apiKey", secret: true, minLength: 8, maxLength: 512 }],
      toDiscover: true,
    };

    expect(status).toBe(200);
    expect(operations.listKeyManagers.response.parse(body)).toEqual(body);
    expect(body).toEqual({
      nextCursor: null,
      items: [
        {
          kind: "key-protect",
          title: "Key Protect",
          credential: apiKey,
          authorization: false,
          dedicatedEndpoint: false,
          oneInstanceEach: false,
          choices: { keyRing: true, endpoint: true, region: true },
          deprecation: null,
          unavailable: null,
        },
        {
          kind: "hpcs",
          title: "Hyper Protect Crypto Services",
          credential: apiKey,
          authorization: false,
          dedicatedEndpoint: true,
          oneInstanceEach: true,
          choices: { keyRing: false, endpoint: true, region: true },
          deprecation: null,
          unavailable: null,
        },
        {
          kind: "pkcs11",
          title: "PKCS#11",
          credential: {
            type: "pin",
            fields: [{ name: "apiKey", secret: true, minLength: 4, maxLength: 512 }],
            toDiscover: false,
          },
          authorization: false,
          dedicatedEndpoint: false,
          oneInstanceEach: false,
          choices: { keyRing: false, endpoint: false, region: false },
          deprecation: null,
          unavailable: { code: "NO_MODULES", detail: expect.stringContaining("PKCS11_MODULES") },
        },
      ],
    });
  });

  it.each([
    [operations.discoverKeyManagers, {}],
    [operations.listRootKeys, { keyManagerCrn: "crn" }],
    [operations.validateKeyManager, { keyManagerCrn: "crn", crkId: "crk" }],
  ] as const)(
    "unknown to the registry are refused, with those that there are: $0.id",
    async (operation, body) => {
      for (const kind of ["keyProtect", "toString", "vault"]) {
        expect(await callApi(operation, { token: token(), body: { kind, ...body } })).toMatchObject({
          status: 400,
          body: {
            code: "VALIDATION_FAILED",
            invalidParams: [{ name: "kind", reason: "is one of key-protect, hpcs, pkcs11" }],
          },
        });
      }
    },
  );

  it("unknown to the registry are refused by orders and activations", async () => {
    const keyManager = { ...keyManagerOf(house), kind: "vault" };
    const order = (body: object) =>
      callApi(operations.createInstance, { token: token(), body: { region: "us-south", ...body } });
    const refusal = {
      status: 400,
      body: { code: "VALIDATION_FAILED", invalidParams: [{ name: "keyManager.kind" }] },
    };

    expect(await order({ name: "of-no-kind", keyManager })).toMatchObject(refusal);
    const { body: idle } = await order({ name: "idle" });
    expect(
      await callApi(operations.activateInstance, {
        token: token(),
        params: { id: idle.id },
        body: { keyManager },
      }),
    ).toMatchObject(refusal);
    expect(await house.database.prisma.instance.count({ where: { name: "of-no-kind" } })).toBe(0);
  });
});
