import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { unusedUrl } from "@/test/key-managers/support/stub-server";
import { startTcpProxy, type TcpProxy } from "@/test/key-managers/support/tcp-proxy";
import { callApi, houseForTests, keyManagerOf } from "./support/house";

const house = houseForTests();
let proxy: TcpProxy;
const address = () => `http://127.0.0.1:${proxy.port}/key-protect/us-south`;
const token = () => house.a.tokens.administrator;

beforeAll(async () => {
  proxy = await startTcpProxy(house.cloud.sandbox.port);
});

afterAll(() => proxy.close());

const order = (name: string, endpoint: string) =>
  callApi(operations.createInstance, {
    token: token(),
    body: { name, region: "us-south", keyManager: { ...keyManagerOf(house), endpoint } },
  });

describe("an endpoint of the key manager that was given by hand", () => {
  it("is used and kept, whatever IBM Cloud names", async () => {
    const { status, body } = await order("by-hand", `${address()}/api/v2/`);
    expect({ status, keyManager: body.keyManager }).toMatchObject({
      status: 202,
      keyManager: { endpoint: address(), endpointGiven: true },
    });

    const { id } = body;
    const check = await callApi(operations.runPermissionCheck, { token: token(), params: { id } });
    expect(check.body).toMatchObject({ ok: true });
    const { body: after } = await callApi(operations.getInstance, { token: token(), params: { id } });
    expect(after.keyManager).toMatchObject({ endpoint: address(), endpointGiven: true });

    // It is the one that calls take: without it nothing is reached.
    proxy.setMode("cut");
    const cut = await callApi(operations.runPermissionCheck, { token: token(), params: { id } });
    proxy.setMode("pass");
    expect(cut.body.ok).toBe(false);
    expect(cut.body.checks.find((item: { status: string }) => item.status === "fail")).toMatchObject({
      id: "instanceReachable",
      code: "KEY_MANAGER_UNREACHABLE",
    });
  });

  it("is asked for root keys and checks before anything is ordered", async () => {
    const { apiKey, crn, crkId } = keyManagerOf(house);
    const nobody = await unusedUrl();
    const ask = (endpoint: string) =>
      callApi(operations.listRootKeys, {
        token: token(),
        body: { kind: "key-protect", apiKey, keyManagerCrn: crn, endpoint },
      });

    expect((await ask(address())).body.items.length).toBeGreaterThan(0);
    expect((await ask(nobody)).body.code).toBe("KEY_MANAGER_UNAVAILABLE");
    const { body } = await callApi(operations.validateKeyManager, {
      token: token(),
      body: { kind: "key-protect", apiKey, keyManagerCrn: crn, crkId, endpoint: nobody },
    });
    expect(body.checks.find((item: { id: string }) => item.id === "instanceReachable").status).toBe("fail");
  });

  it("is left out when it is empty", async () => {
    const { body } = await order("empty", "  ");

    expect(body.keyManager.endpointGiven).toBe(false);
    expect(body.keyManager.endpoint).not.toBe(address());
  });

  it.each([
    "ftp://kms.example.com",
    "kms.example.com",
    "https://user:secret@kms.example.com",
    "https://kms.example.com/;reboot",
  ])("is refused as %s", async (endpoint) => {
    const { status, body } = await order("refused", endpoint);

    expect({ status, code: body.code, params: body.invalidParams }).toMatchObject({
      status: 400,
      code: "VALIDATION_FAILED",
      params: [{ name: "keyManager.endpoint", code: "INVALID_ENDPOINT" }],
    });
    expect(JSON.stringify(body)).not.toContain("secret");
  });
});
