import { afterEach, describe, expect, it, vi } from "vitest";
import { exportAuditEvents, streamAuditEvents } from "../audit-events/operations";
import { listEndpoints } from "../endpoints/operations";
import { createInstance, runPermissionCheck } from "../instances/operations";
import { listKeks } from "../keks/operations";
import { getMe } from "../me/operations";
import { revokeToken } from "../tokens/operations";
import { ApiError, apiUrl, call } from "./call";

const fetched = vi.fn<typeof fetch>();
vi.stubGlobal("fetch", fetched);
afterEach(() => fetched.mockReset());

function answer(status: number, body: unknown, type = "application/json"): void {
  fetched.mockResolvedValueOnce(
    new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { "content-type": type } }),
  );
}

describe("the typed client", () => {
  it("fills in path and query, each encoded, and leaves out what is not set", async () => {
    answer(200, { items: [], nextCursor: null });
    await call(listKeks, {
      id: "a/b",
      search: "x & y",
      limit: 20,
      cursor: undefined,
      state: "active",
    });
    expect(fetched.mock.calls[0]?.[0]).toBe(
      "/api/v1/instances/a%2Fb/keks?search=x+%26+y&limit=20&state=active",
    );
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({ method: "GET", credentials: "same-origin" });
  });

  it("sends bodies as JSON with the idempotency key", async () => {
    answer(202, { id: "1" });
    await call(createInstance, { body: { name: "a", region: "b" } }, { idempotencyKey: "key" });
    const [, init] = fetched.mock.calls[0] ?? [];
    const headers = new Headers(init?.headers);
    expect(init).toMatchObject({ method: "POST", body: '{"name":"a","region":"b"}' });
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("idempotency-key")).toBe("key");
  });

  it("gives up reading from a server that hangs, and waits for writes", async () => {
    const over = new DOMException("over", "TimeoutError");
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort(over));
    fetched.mockImplementation(async (_url, init) => {
      init?.signal?.throwIfAborted();

      return new Response("{}", { headers: { "content-type": "application/json" } });
    });
    await expect(call(listEndpoints, {})).rejects.toMatchObject({
      code: "UNREACHABLE",
      status: 0,
      cause: over,
    });
    expect(await call(runPermissionCheck, { id: "1" })).toEqual({});
    // The reader's own change of mind stays what it is.
    const left = AbortSignal.abort();
    await expect(call(listEndpoints, {}, { signal: left })).rejects.toBe(left.reason);
    timeout.mockRestore();
    fetched.mockReset();
  });

  it("answers nothing for 204", async () => {
    answer(204, null);
    expect(await call(revokeToken, { tokenId: "1" })).toBeUndefined();
  });

  it("throws the problem document", async () => {
    const problem = {
      type: "x",
      title: "t",
      status: 409,
      code: "NAME_TAKEN",
      detail: "taken",
      requestId: "r",
    };
    answer(409, problem, "application/problem+json");
    const error = await call(getMe, {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: "NAME_TAKEN", status: 409, message: "taken", problem });
  });

  it("makes a problem of answers that are none, and of no answer at all", async () => {
    answer(502, "<html>", "text/html");
    await expect(call(getMe, {})).rejects.toMatchObject({ code: "INTERNAL", status: 502 });
    fetched.mockRejectedValueOnce(new TypeError("fetch failed"));
    await expect(call(getMe, {})).rejects.toMatchObject({ code: "UNREACHABLE", status: 0 });
  });

  it("lets an abort be an abort", async () => {
    const controller = new AbortController();
    controller.abort();
    fetched.mockRejectedValueOnce(controller.signal.reason);
    await expect(call(getMe, {}, { signal: controller.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  it("makes links for downloads and streams", () => {
    expect(apiUrl(exportAuditEvents, { format: "csv", outcome: "failure" })).toBe(
      "/api/v1/audit-events/export?format=csv&outcome=failure",
    );
    expect(apiUrl(streamAuditEvents, {})).toBe("/api/v1/audit-events/stream");
  });
});
