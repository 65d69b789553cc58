import { randomUUID } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { hadNoEffect } from "@/lib/core/serving/failures";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { Secret } from "@/lib/ibm-cloud/secret";
import { callLimitsOf, keyManagerLoads, onCircuitChange } from "@/lib/key-managers/call-limits";
import { createIbmKeyManager } from "@/lib/key-managers/ibm-services/service";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import { createKeyProtect } from "@/lib/key-managers/key-protect/adapter";
import { keyProtectService } from "@/lib/key-managers/key-protect/service";
import { createCircuitBreaker } from "@/lib/resilience/circuit-breaker";
import { createLimiter } from "@/lib/resilience/limiter";
import { type StubAnswer, type StubRequest, startStub, unusedUrl } from "./support/stub-server";

const identity = { iamId: "iam-ServiceId-1", accountId: "account", name: null, serviceId: "ServiceId-1" };
const tokens: TokenSource = {
  token: async () => ({ value: new Secret("token"), identity, expiresAt: Number.MAX_SAFE_INTEGER }),
  refused: () => false,
  renew: () => {},
};

const call = (more: { timeoutMs?: number; signal?: AbortSignal } = {}) => ({
  correlationId: randomUUID(),
  timeoutMs: 5_000,
  ...more,
});

const keyAnswer = (id: string): StubAnswer => ({
  status: 200,
  json: { resources: [{ id, name: "n", state: 1, extractable: true, payload: "AAEC" }] },
});

const refusal = (status: number, code?: string): StubAnswer => ({
  status,
  json: { resources: [{ errorMsg: "no", ...(code === undefined ? {} : { reasons: [{ code }] }) }] },
});

async function failure(promise: Promise<unknown>): Promise<KeyManagerError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KeyManagerError);

  return error as KeyManagerError;
}

/** A key manager with one request at a time, whose first answer waits until it is let go. */
async function busyKeyManager() {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const stub = await startStub(async (request, count) => {
    if (count === 1) {
      await held;
    }

    if (request.url.endsWith("/actions/unwrap")) {
      return { status: 200, json: { plaintext: "AAEC", keyVersion: { id: "v" } } };
    }

    return request.url.endsWith("/actions/wrap")
      ? { status: 200, json: { ciphertext: "AAEC", keyVersion: { id: "v" } } }
      : keyAnswer(request.url.split("/").at(-1) ?? "");
  });
  const keyManager = createKeyProtect({
    endpoint: stub.url,
    instanceGuid: "guid",
    tokenSource: tokens,
    limits: { limiter: createLimiter(1), breaker: createCircuitBreaker() },
    backoffMs: 1,
  });
  const first = keyManager.getStandardKey("first", call());
  await expect.poll(() => stub.requests.length).toBe(1);

  return { stub, keyManager, first, letGo: () => letGo() };
}

describe("requests that wait for their turn", () => {
  it("are sent once for all who ask the same, each of whom gets bytes of its own", async () => {
    const { stub, keyManager, first, letGo } = await busyKeyManager();
    const reads = Array.from({ length: 10 }, () => keyManager.getStandardKey("second", call()));
    const unwraps = Array.from({ length: 10 }, () =>
      keyManager.unwrap("crk", Buffer.from([1, 2]), ["a"], call()),
    );
    const others = [
      keyManager.unwrap("crk", Buffer.from([1, 2]), ["b"], call()),
      keyManager.unwrap("crk", Buffer.from([1, 3]), ["a"], call()),
      keyManager.unwrap("other", Buffer.from([1, 2]), ["a"], call()),
      keyManager.getStandardKey("third", call()),
    ];
    letGo();
    await Promise.all([first, ...others]);
    const keys = await Promise.all(reads);
    const opened = await Promise.all(unwraps);

    expect(stub.requests).toHaveLength(1 + 1 + 1 + others.length);
    expect(new Set(keys.map(({ payload }) => payload)).size).toBe(10);
    opened[0]?.plaintext.fill(9);
    expect(
      opened.slice(1).every(({ plaintext }) => Buffer.from(plaintext).equals(Buffer.from([0, 1, 2]))),
    ).toBe(true);
  });

  it("are each sent when they change something", async () => {
    const { stub, keyManager, first, letGo } = await busyKeyManager();
    const creates = Array.from({ length: 3 }, () =>
      keyManager.createStandardKey({ name: "n", payload: Buffer.from([1]) }, call()),
    );
    const wraps = Array.from({ length: 3 }, () => keyManager.wrap("crk", Buffer.from([1]), [], call()));
    letGo();
    await Promise.all([first, ...creates, ...wraps]);

    expect(stub.requests).toHaveLength(7);
  });

  it("are not joined once they were sent", async () => {
    const { stub, keyManager, first, letGo } = await busyKeyManager();
    const later = keyManager.getStandardKey("first", call());
    letGo();
    await Promise.all([first, later]);

    expect(stub.requests).toHaveLength(2);
  });

  it("go on for the others when one gives up, and are not sent when all do", async () => {
    const { stub, keyManager, first, letGo } = await busyKeyManager();
    const impatient = new AbortController();
    const given = [
      keyManager.getStandardKey("second", call({ signal: impatient.signal })),
      keyManager.getStandardKey("third", call({ signal: impatient.signal })),
    ].map(failure);
    const patient = keyManager.getStandardKey("second", call());
    impatient.abort();

    for (const error of await Promise.all(given)) {
      expect(error).toMatchObject({ failure: "timeout", code: "CANCELLED" });
    }

    letGo();
    await first;
    expect((await patient).id).toBe("second");
    expect(stub.requests.map(({ url }) => url)).toEqual(["/api/v2/keys/first", "/api/v2/keys/second"]);
  });

  it("have the time of whoever waits longest", async () => {
    const { keyManager, first, letGo } = await busyKeyManager();
    const short = failure(keyManager.getStandardKey("second", call({ timeoutMs: 50 })));
    const long = keyManager.getStandardKey("second", call());
    expect((await short).failure).toBe("timeout");
    letGo();
    await first;

    expect((await long).id).toBe("second");
  });
});

describe("a call whose time ends while it is being turned away", () => {
  const create = async (answer: (count: number) => Promise<StubAnswer | "hang">) => {
    const stub = await startStub((_request, count) => answer(count) as Promise<StubAnswer>);

    return createKeyProtect({ endpoint: stub.url, instanceGuid: "guid", tokenSource: tokens, backoffMs: 1 });
  };

  it("was throttled, also when the last attempt was still under way", async () => {
    // Long enough for a first answer on a busy machine; at each of these ends another attempt is under way.
    const failures = [2_000, 2_030, 2_060].map(async (timeoutMs) => {
      const keyManager = await create(async () => {
        await new Promise((resolve) => setTimeout(resolve, 60));

        return { status: 429 };
      });

      return failure(keyManager.getStandardKey("id", call({ timeoutMs })));
    });

    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ failure: "throttled", status: 429 });
    }
  });

  it("ended in an unknown way when it was to make something", async () => {
    const keyManager = await create(async (count) => (count === 1 ? { status: 429 } : "hang"));
    const error = await failure(
      keyManager.createStandardKey({ name: "n", payload: Buffer.from([1]) }, call({ timeoutMs: 500 })),
    );

    expect(error).toMatchObject({ failure: "timeout", definite: false });
    expect(hadNoEffect(error)).toBe(false);
  });
});

describe("the circuit breaker of a key manager instance", () => {
  /** A key manager that answers as it is told, and a clock that moves on with every request. */
  async function scripted(answer: (request: StubRequest) => StubAnswer | "drop") {
    let time = 0;
    const breaker = createCircuitBreaker({ now: () => time, random: () => 0.5 });
    const stub = await startStub((request) => {
      time += 500;

      return answer(request);
    });
    const create = (always: boolean, tokenSource = tokens) =>
      createKeyProtect({
        endpoint: stub.url,
        instanceGuid: "guid",
        tokenSource,
        limits: { limiter: createLimiter(16), breaker },
        always,
        backoffMs: 1,
      });

    return {
      stub,
      breaker,
      keyManager: create(false),
      check: create(true),
      create,
      pass(ms: number) {
        time += ms;
      },
    };
  }

  it.each<[string, () => StubAnswer | "drop"]>([
    ["connections are cut", () => "drop"],
    ["a gateway says 503", () => ({ status: 503, text: "<html>" })],
    ["a gateway says 504", () => ({ status: 504 })],
    ["the service breaks without a word", () => refusal(500)],
  ])("opens when %s, and heals by itself", async (_title, trouble) => {
    let broken = true;
    const { keyManager, breaker, stub, pass } = await scripted(() => (broken ? trouble() : keyAnswer("id")));

    for (let round = 0; round < 5; round += 1) {
      expect((await failure(keyManager.getStandardKey("id", call()))).code).not.toBe("CIRCUIT_OPEN");
    }

    expect(breaker.state).toBe("open");
    const sent = stub.requests.length;
    const error = await failure(
      keyManager.createStandardKey({ name: "n", payload: Buffer.from([1]) }, call()),
    );
    expect(error).toMatchObject({ failure: "unreachable", code: "CIRCUIT_OPEN", definite: false });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(hadNoEffect(error)).toBe(true);
    expect(stub.requests).toHaveLength(sent);

    broken = false;
    pass(1_000);
    expect((await keyManager.getStandardKey("id", call())).id).toBe("id");
    expect(breaker.state).toBe("closed");
  });

  it.each([
    [400, "INVALID_FIELD_ERR"],
    [401, undefined],
    [403, "FEATURE_RESTRICTED_ERR"],
    [404, "KEY_NOT_FOUND_ERR"],
    [409, "KEY_ACTION_INVALID_STATE_ERR"],
    [410, "KEY_DELETED_ERR"],
    [422, "UNPROCESSABLE_CIPHERTEXT_ERR"],
    [429, undefined],
    [500, "INCOMPLETE_METADATA_ERR"],
    [501, undefined],
  ])("stays closed for the answer %i %s, however often", async (status, code) => {
    const { keyManager, breaker } = await scripted(() => refusal(status, code));

    // Who is turned away tries for as long as the call may take.
    const [limits, rounds] = status === 429 ? [{ timeoutMs: 2_000 }, 2] : [{}, 8];

    for (let round = 0; round < rounds; round += 1) {
      const error = await failure(keyManager.getStandardKey("id", call(limits)));
      expect(error.status).toBe(status);
    }

    expect(breaker.state).toBe("closed");
    expect(breaker.failures).toBe(0);
  });

  it("is not opened by IAM's troubles, nor by callers who give up or have no time", async () => {
    const { create, keyManager, breaker, pass } = await scripted(() => keyAnswer("id"));
    const withoutIam = create(false, {
      token: () => Promise.reject(new IbmCloudError("unreachable", "IAM is out", { code: "ECONNREFUSED" })),
      refused: () => false,
      renew: () => {},
    });
    const silent = await startStub(() => "hang");
    const hurried = createKeyProtect({
      endpoint: silent.url,
      instanceGuid: "guid",
      tokenSource: tokens,
      limits: { limiter: createLimiter(16), breaker },
      backoffMs: 1,
    });

    for (let round = 0; round < 8; round += 1) {
      expect((await failure(withoutIam.getStandardKey("id", call()))).failure).toBe("unreachable");
      expect((await failure(hurried.getStandardKey("id", call({ timeoutMs: 20 })))).failure).toBe("timeout");
      pass(1_000);
    }

    expect(breaker.state).toBe("closed");
    expect((await keyManager.getStandardKey("id", call())).id).toBe("id");
  });

  it("does not keep checks from finding out, and closes with what they find", async () => {
    let broken = true;
    const { keyManager, check, breaker } = await scripted(() => (broken ? "drop" : keyAnswer("id")));

    for (let round = 0; round < 5; round += 1) {
      await failure(keyManager.getStandardKey("id", call()));
    }

    expect((await failure(check.getStandardKey("id", call()))).code).not.toBe("CIRCUIT_OPEN");
    broken = false;
    expect((await check.getStandardKey("id", call())).id).toBe("id");
    expect(breaker.state).toBe("closed");
  });

  it("is one for all adapters of an instance at an address, and shows in the process's figures and log", async () => {
    const endpoint = await unusedUrl();
    const instanceGuid = randomUUID();
    const told: unknown[] = [];
    onCircuitChange((change) => told.push(change));
    onTestFinished(() => onCircuitChange(() => {}));
    const create = (url: string) =>
      createIbmKeyManager(keyProtectService, {
        endpoint: url,
        instanceGuid,
        tokenSource: tokens,
        backoffMs: 400,
      });

    await Promise.all(
      Array.from({ length: 5 }, () => failure(create(endpoint).getStandardKey("id", call()))),
    );

    expect((await failure(create(endpoint).getStandardKey("id", call()))).code).toBe("CIRCUIT_OPEN");
    expect(keyManagerLoads().find((load) => load.instanceGuid === instanceGuid)).toMatchObject({
      endpoint,
      circuit: "open",
      failures: 5,
      opened: 1,
      running: 0,
      waiting: 0,
    });
    expect(told).toEqual([{ instanceGuid, endpoint, circuit: "open", failures: 5 }]);
    expect(callLimitsOf(instanceGuid, "https://another.test").breaker.state).toBe("closed");
  });
});
