import { describe, expect, it } from "vitest";
import { z } from "zod";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import {
  checkBaseUrl,
  type HttpRequest,
  parseJson,
  parseRetryAfter,
  pauseBefore,
  request,
} from "@/lib/ibm-cloud/http";
import { Secret } from "@/lib/ibm-cloud/secret";
import { startStub, unusedUrl } from "./support/stub-server";

function get(url: string, more: Partial<HttpRequest> = {}) {
  return request({ service: "Test", method: "GET", url, repeat: "safe", backoffMs: 1, ...more });
}

async function failure(promise: Promise<unknown>): Promise<IbmCloudError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );

  expect(error).toBeInstanceOf(IbmCloudError);

  return error as IbmCloudError;
}

describe("request", () => {
  it("repeats a safe request after 5xx and 429, and gives the first good answer", async () => {
    const stub = await startStub((_request, count) =>
      count === 1 ? { status: 503 } : count === 2 ? { status: 429 } : { status: 200, json: { n: count } },
    );
    const response = await get(stub.url);

    expect(response.status).toBe(200);
    expect(response.body).toBe('{"n":3}');
    expect(stub.requests).toHaveLength(3);
  });

  it("repeats after a cut connection when that is safe", async () => {
    const stub = await startStub((_request, count) => (count === 1 ? "drop" : { status: 204 }));

    expect((await get(stub.url, { method: "POST", body: "{}" })).status).toBe(204);
  });

  it.each([
    ["501", { status: 501 }],
    ["400", { status: 400 }],
    ["409", { status: 409 }],
  ])("does not repeat %s", async (_name, answer) => {
    const stub = await startStub(() => answer);

    expect((await get(stub.url)).status).toBe(answer.status);
    expect(stub.requests).toHaveLength(1);
  });

  it("gives up after four attempts and answers the last status", async () => {
    const stub = await startStub(() => ({ status: 500 }));

    expect((await get(stub.url)).status).toBe(500);
    expect(stub.requests).toHaveLength(4);
  });

  it.each(["drop", "hang", { status: 500 }, { status: 503 }] as const)(
    "sends a create once when the answer is %j",
    async (answer) => {
      const stub = await startStub(() => answer);
      await get(stub.url, { method: "POST", body: "{}", repeat: "unprocessed", timeoutMs: 300 }).catch(
        () => null,
      );

      expect(stub.requests).toHaveLength(1);
    },
  );

  it("sends a create again after 429, which says that nothing was done", async () => {
    const stub = await startStub((_request, count) => ({ status: count === 1 ? 429 : 201 }));

    expect((await get(stub.url, { method: "POST", repeat: "unprocessed" })).status).toBe(201);
  });

  it("never repeats what must not be", async () => {
    const stub = await startStub(() => ({ status: 429 }));

    expect((await get(stub.url, { repeat: "never" })).status).toBe(429);
    expect(stub.requests).toHaveLength(1);
  });

  it("goes on asking a service that throttles for as long as the call may take", async () => {
    const stub = await startStub((_request, count) => ({ status: count <= 9 ? 429 : 200 }));

    expect((await get(stub.url)).status).toBe(200);
    expect(stub.requests).toHaveLength(10);

    const stubborn = await startStub(() => ({ status: 429 }));

    expect((await get(stubborn.url, { timeoutMs: 1_000 })).status).toBe(429);
  });

  it("answers the 429 at once when Retry-After asks for more time than there is", async () => {
    const stub = await startStub(() => ({ status: 429, headers: { "Retry-After": "3600" } }));
    const response = await get(stub.url);

    expect(response.status).toBe(429);
    expect(response.retryAfterMs).toBe(3_600_000);
    expect(stub.requests).toHaveLength(1);
  });

  it("ends when its time is up", async () => {
    const stub = await startStub(() => "hang");
    const error = await failure(get(stub.url, { timeoutMs: 150 }));

    expect(error.failure).toBe("timeout");
    expect(error.code).toBe("TIMEOUT");
  });

  it("tries a second time within its time when the first answer hangs", async () => {
    const stub = await startStub((_request, count) => (count === 1 ? "hang" : { status: 200 }));

    expect((await get(stub.url, { timeoutMs: 2_000 })).status).toBe(200);
  });

  it("ends when the caller gives up", async () => {
    const stub = await startStub(() => "hang");
    const controller = new AbortController();
    const pending = failure(get(stub.url, { signal: controller.signal }));
    controller.abort();

    expect((await pending).code).toBe("CANCELLED");
  });

  it("says that nobody listens", async () => {
    const url = await unusedUrl();
    const error = await failure(get(url));

    expect(error.failure).toBe("unreachable");
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.message).toContain(new URL(url).host);
  });

  it("follows no redirect, so that a token stays where it belongs", async () => {
    const other = await startStub(() => ({ status: 200 }));
    const stub = await startStub(() => ({ status: 307, headers: { Location: other.url } }));

    expect((await get(stub.url, { bearer: new Secret("token") })).status).toBe(307);
    expect(other.requests).toHaveLength(0);
  });

  it("refuses an answer that is too large", async () => {
    const stub = await startStub(() => ({ status: 200, text: "x".repeat(5000) }));
    const error = await failure(get(stub.url, { maxResponseBytes: 1000, repeat: "never" }));

    expect(error.failure).toBe("serverError");
    expect(error.code).toBe("RESPONSE_TOO_LARGE");
  });
});

describe("parseJson", () => {
  const response = { service: "Test", status: 200, correlationId: null, retryAfterMs: null };

  it("names the wrong fields and no values", () => {
    const schema = z.object({ a: z.object({ b: z.string() }) });
    const parse = () => parseJson(schema, { ...response, body: '{"a":{"b":["hidden-value"]}}' });

    expect(parse).toThrow("a.b");
    expect(parse).not.toThrow("hidden-value");
  });

  it("does not quote what is no JSON", () => {
    const parse = () => parseJson(z.object({}), { ...response, body: "<html>hidden-value</html>" });

    expect(parse).toThrow("no JSON");
    expect(parse).not.toThrow("hidden-value");
  });
});

describe("pauseBefore", () => {
  it.each([
    [1, null, 0, 100],
    [1, null, 1, 200],
    [2, null, 0, 200],
    [3, null, 1, 800],
    [10, null, 1, 4000],
    [1, 3000, 1, 3000],
    [10, 1, 0, 2000],
  ])("attempt %i, Retry-After %j, random %d: %i ms", (attempt, retryAfterMs, random, expected) => {
    expect(pauseBefore(attempt, retryAfterMs, 200, random)).toBe(expected);
  });
});

describe("parseRetryAfter", () => {
  it.each([
    [null, null],
    ["", null],
    ["7", 7000],
    ["soon", null],
    ["Thu, 01 Jan 1970 00:00:10 GMT", 9000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ])("reads %j", (value, expected) => {
    expect(parseRetryAfter(value, 1000)).toBe(expected);
  });
});

describe("checkBaseUrl", () => {
  it.each([
    ["https://us-south.kms.cloud.ibm.com", false, "https://us-south.kms.cloud.ibm.com"],
    [
      "https://api.us-south.hs-crypto.cloud.ibm.com:9000/",
      false,
      "https://api.us-south.hs-crypto.cloud.ibm.com:9000",
    ],
    ["http://127.0.0.1:3080/key-protect", false, "http://127.0.0.1:3080/key-protect"],
    ["http://evil.example", false, null],
    ["http://sandbox:3080", true, "http://sandbox:3080"],
    ["https://user:pw@host", false, null],
    ["https://host/$(id)", false, null],
    ["ftp://host", true, null],
    ["nonsense", true, null],
  ])("%s (plain allowed: %s) is %s", (text, allowPlain, expected) => {
    expect(checkBaseUrl(text, allowPlain)).toBe(expected);
  });
});
