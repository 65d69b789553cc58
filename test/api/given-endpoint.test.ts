import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import * as operations from "@/lib/api/operations";
import { startStub, unusedUrl } from "@/test/key-managers/support/stub-server";
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

  it("tells in one way that no key manager is there, whatever is", async () => {
    const { apiKey, crn, crkId } = keyManagerOf(house);
    const elsewhere = await startStub(() => ({ status: 200 }));
    const web = async (answer: Parameters<typeof startStub>[0]) => (await startStub(answer)).url;
    const silent = createServer(() => {});
    const talking = createServer((socket) => socket.on("error", () => {}).end("SSH-2.0-OpenSSH_9.9\r\n"));
    const listening = await Promise.all(
      [silent, talking].map(
        (server) =>
          new Promise<string>((resolve) =>
            server.listen(0, "127.0.0.1", () => {
              const { port } = server.address() as AddressInfo;
              resolve(`http://127.0.0.1:${port}`);
            }),
          ),
      ),
    );
    onTestFinished(() => {
      silent.close();
      talking.close();
    });
    const places = [
      await unusedUrl(),
      listening[1],
      listening[1]?.replace("http:", "https:"),
      await web(() => "drop"),
      await web(() => ({ status: 200, text: "<html>welcome</html>" })),
      await web(() => ({ status: 200, json: { hello: "you" } })),
      await web(() => ({ status: 200, json: { resources: [] } })),
      await web(() => ({ status: 401, text: "who are you?" })),
      await web(() => ({ status: 403, json: { error: "no" } })),
      await web(() => ({ status: 404, text: "" })),
      await web(() => ({ status: 500, text: "" })),
      await web(() => ({ status: 307, headers: { Location: elsewhere.url } })),
    ];
    const answers = new Set<string>();
    for (const endpoint of places) {
      const body = { kind: "key-protect", apiKey, keyManagerCrn: crn, endpoint };
      const listed = await callApi(operations.listRootKeys, { token: token(), body });
      const checked = await callApi(operations.validateKeyManager, {
        token: token(),
        body: { ...body, crkId },
      });
      const { requestId: _, keyManager, ...problem } = listed.body;
      const { durationMs: __, ...check } = checked.body.checks.find(
        ({ id }: { id: string }) => id === "instanceReachable",
      );
      expect(problem).toMatchObject({ status: 503, code: "KEY_MANAGER_UNAVAILABLE" });
      expect(check).toMatchObject({ code: "KEY_MANAGER_UNREACHABLE" });
      const text = JSON.stringify([problem, { ...keyManager, correlationId: null }, check]);
      answers.add(text.replaceAll(new URL(endpoint ?? "").host, "HOST").replaceAll("https", "http"));
    }

    expect([...answers]).toHaveLength(1);
    expect(elsewhere.requests).toEqual([]);
  });

  it("stays, and goes on getting tokens of the API key alone, when the API key is changed", async () => {
    const { body: ordered } = await order("changed", address());
    const change = (apiKey: string) =>
      callApi(operations.updateInstance, { token: token(), params: { id: ordered.id }, body: { apiKey } });
    const { status, body } = await change(house.cloud.credentials.manager.apiKey);

    expect({ status, keyManager: body.keyManager }).toMatchObject({
      status: 200,
      keyManager: { endpoint: address(), endpointGiven: true },
    });
    const { event } = await house.database.prisma.auditEvent.findFirstOrThrow({
      where: { instanceId: ordered.id, action: "vmware-solutions.permission-check.run" },
      orderBy: { id: "desc" },
    });
    expect(JSON.parse(event)).toMatchObject({
      requestData: { endpoint: `127.0.0.1:${proxy.port}`, credentials: "given" },
    });
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
