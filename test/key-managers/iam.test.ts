import { describe, expect, it, vi } from "vitest";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { createIamClient, withToken } from "@/lib/ibm-cloud/iam";
import { chooseEndpoint, createResourceControllerClient } from "@/lib/ibm-cloud/resource-controller";
import { Secret } from "@/lib/ibm-cloud/secret";
import { fakeJwt, type StubAnswer, startStub } from "./support/stub-server";

const call = { correlationId: "00000000-0000-4000-8000-000000000001" };
const apiKey = new Secret("api-key-of-the-test");

function tokenAnswer(claims?: Parameters<typeof fakeJwt>[0]): StubAnswer {
  return { status: 200, json: { access_token: fakeJwt(claims), expires_in: 3600, token_type: "Bearer" } };
}

async function setUp(answer: (count: number) => StubAnswer = () => tokenAnswer()) {
  const clock = { now: 1_000_000 };
  const stub = await startStub((_request, count) => answer(count));
  const source = createIamClient({ url: stub.url, now: () => clock.now }).tokenSource(apiKey);

  return { clock, stub, source };
}

/** For what happens in the background, on a busy machine. In milliseconds. */
const WHILE = { timeout: 10_000, interval: 10 };

async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}

describe("token cache", () => {
  it("exchanges once for callers that come together, and again for none after", async () => {
    const { stub, source } = await setUp();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => source.token(call)));
    await source.token(call);

    expect(new Set(tokens).size).toBe(1);
    expect(stub.requests).toHaveLength(1);
    expect(stub.requests[0]?.url).toBe("/identity/token");
    expect(new URLSearchParams(stub.requests[0]?.body).get("apikey")).toBe("api-key-of-the-test");
  });

  it("is shared by all sources of a key and by no other key", async () => {
    const stub = await startStub(() => tokenAnswer());
    const iam = createIamClient({ url: stub.url });
    await iam.tokenSource(new Secret("a")).token(call);
    await iam.tokenSource(new Secret("a")).token(call);
    await iam.tokenSource(new Secret("b")).token(call);

    expect(stub.requests).toHaveLength(2);
  });

  it("refreshes in the background from 80 % of the token's life on", async () => {
    const { clock, stub, source } = await setUp();
    const first = await source.token(call);
    clock.now += 3600_000 * 0.79;
    expect(await source.token(call)).toBe(first);
    expect(stub.requests).toHaveLength(1);

    clock.now += 3600_000 * 0.02;
    expect(await source.token(call)).toBe(first);
    await vi.waitFor(async () => expect(await source.token(call)).not.toBe(first), WHILE);
    expect(stub.requests).toHaveLength(2);
  });

  it("goes on with the token it has when a background refresh fails, and waits for a new one at its end", async () => {
    const { clock, stub, source } = await setUp((count) => (count === 2 ? { status: 400 } : tokenAnswer()));
    const first = await source.token(call);
    clock.now += 3600_000 * 0.85;
    await source.token(call);
    await vi.waitFor(() => expect(stub.requests).toHaveLength(2), WHILE);
    await settled();
    expect(await source.token(call)).toBe(first);
    expect(stub.requests).toHaveLength(2);

    clock.now += 3600_000;
    expect(await source.token(call)).not.toBe(first);
    expect(stub.requests).toHaveLength(3);
  });

  it("drops a refused token, but only once in a while", async () => {
    const { clock, source } = await setUp();
    const first = await source.token(call);
    expect(source.refused(first)).toBe(true);
    const second = await source.token(call);
    expect(second).not.toBe(first);
    // Somebody who still held the first one is told to use the newer.
    expect(source.refused(first)).toBe(true);
    expect(await source.token(call)).toBe(second);
    expect(source.refused(second)).toBe(false);

    clock.now += 11_000;
    const third = await source.token(call);
    expect(source.refused(third)).toBe(true);
  });

  it("says `credentials` for a key that IAM does not know, without the key", async () => {
    const { source } = await setUp(() => ({
      status: 400,
      json: { errorCode: "BXNIM0415E", errorMessage: "Provided API key could not be found." },
    }));
    const error = await source.token(call).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(IbmCloudError);
    expect(error).toMatchObject({ failure: "credentials", status: 400, code: "BXNIM0415E" });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("api-key-of-the-test");
  });

  it("does not let one caller's short time spoil the exchange of the others", async () => {
    const stub = await startStub(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));

      return tokenAnswer();
    });
    const source = createIamClient({ url: stub.url }).tokenSource(apiKey);
    const hurried = source.token({ ...call, timeoutMs: 20 });
    const patient = source.token(call);

    await expect(hurried).rejects.toMatchObject({ failure: "timeout" });
    expect((await patient).identity.accountId).toBe("account-1");
    expect(stub.requests).toHaveLength(1);
  });

  it("reads who it is from the claims", async () => {
    const service = await (await setUp()).source.token(call);
    expect(service.identity).toEqual({
      iamId: "iam-ServiceId-11111111-1111-4111-8111-111111111111",
      accountId: "account-1",
      name: "kmip",
      serviceId: "ServiceId-11111111-1111-4111-8111-111111111111",
    });

    const user = await (await setUp(() => tokenAnswer({ iam_id: "IBMid-550000ABC" }))).source.token(call);
    expect(user.identity.serviceId).toBeNull();
  });

  it("refuses a token without claims", async () => {
    const { source } = await setUp(() => ({
      status: 200,
      json: { access_token: "not-a-jwt-at-all", expires_in: 3600 },
    }));
    const error = await source.token(call).catch((reason: unknown) => reason);

    expect(error).toMatchObject({ failure: "serverError" });
    expect(String(error)).not.toContain("not-a-jwt-at-all");
  });
});

describe("withToken", () => {
  it("fetches a new token after a 401 and tries once more", async () => {
    const { stub, source } = await setUp();
    const seen: string[] = [];
    const result = await withToken(source, call, async (token) => {
      seen.push(token.value.fingerprint());

      if (seen.length === 1) {
        throw new IbmCloudError("forbidden", "no", { status: 401 });
      }

      return "done";
    });

    expect(result).toBe("done");
    expect(new Set(seen).size).toBe(2);
    expect(stub.requests).toHaveLength(2);
  });
});

describe("policies", () => {
  it("reads all pages", async () => {
    const policy = (id: string) => ({
      id,
      type: "access",
      control: { grant: { roles: [{ role_id: "crn:v1:bluemix:public:iam::::serviceRole:Manager" }] } },
    });
    const stub = await startStub((request) => {
      if (request.method === "POST") {
        return tokenAnswer();
      }

      const url = new URL(request.url, "http://x");

      return url.searchParams.get("start") === "2"
        ? { status: 200, json: { policies: [policy("b")] } }
        : { status: 200, json: { policies: [policy("a")], next: { href: "…", start: "2" } } };
    });
    const iam = createIamClient({ url: stub.url });
    const token = await iam.tokenSource(apiKey).token(call);
    const policies = await iam.listPolicies(token, { iamId: "iam-x" }, call);

    expect(policies.map(({ id }) => id)).toEqual(["a", "b"]);
  });
});

describe("resource controller", () => {
  const row = (guid: string, service = "kms") => ({
    crn: `crn:v1:bluemix:public:${service}:us-south:a/acc:${guid}::`,
    guid,
    name: guid,
    region_id: "us-south",
    state: "active",
    extensions: { endpoints: { public: "http://127.0.0.1:1/pub/", private: "https://private.example" } },
  });

  async function token() {
    const stub = await startStub(() => tokenAnswer());

    return createIamClient({ url: stub.url }).tokenSource(apiKey).token(call);
  }

  it("reads all pages and keeps the service asked for", async () => {
    const stub = await startStub((request) =>
      request.url.includes("start=2")
        ? { status: 200, json: { next_url: null, resources: [row("c")] } }
        : {
            status: 200,
            json: {
              next_url: "/v2/resource_instances?start=2",
              resources: [row("a"), row("b", "hs-crypto"), row("a")],
            },
          },
    );
    const client = createResourceControllerClient({ url: stub.url });
    const found = await client.listInstances(await token(), "kms", call);

    expect(found.map(({ guid }) => guid)).toEqual(["a", "c"]);
    expect(found[0]?.endpoints).toEqual({
      public: "http://127.0.0.1:1/pub",
      private: "https://private.example",
    });
  });

  it("takes the bearer token to no other host", async () => {
    const other = await startStub(() => ({ status: 200, json: { resources: [] } }));
    const stub = await startStub(() => ({
      status: 200,
      json: { next_url: `${other.url}/v2/resource_instances`, resources: [] },
    }));
    const client = createResourceControllerClient({ url: stub.url });

    await expect(client.listInstances(await token(), "kms", call)).rejects.toMatchObject({
      failure: "serverError",
    });
    expect(other.requests).toHaveLength(0);
  });

  it("ends although pages point at each other", async () => {
    const stub = await startStub((request) => ({
      status: 200,
      json: {
        next_url: request.url.includes("start=1")
          ? "/v2/resource_instances?start=2"
          : "/v2/resource_instances?start=1",
        resources: [],
      },
    }));
    const client = createResourceControllerClient({ url: stub.url });

    expect(await client.listInstances(await token(), "kms", call)).toEqual([]);
    expect(stub.requests.length).toBeLessThan(5);
  });

  it.each([
    ["private", { public: "P", private: "V" }, "V"],
    ["public", { public: "P", private: "V" }, "P"],
    ["private", { public: "P", private: null }, "P"],
    ["public", { public: null, private: "V" }, "V"],
    ["private", { public: null, private: null }, null],
  ] as const)("prefers the %s endpoint of %j", (preferred, endpoints, expected) => {
    expect(chooseEndpoint(endpoints, preferred)).toBe(expected);
  });
});
