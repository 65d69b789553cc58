/**
 * Process of a sandbox that takes few requests a second once it is told to throttle. Arguments: data folder, requests a
 * second, milliseconds that each takes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createSandbox, type Middleware } from "@/sandbox";
import type { ThrottleOrder, ThrottleReport } from "./messages";

const [dataDir = "", perSecond = "", latencyMs = ""] = process.argv.slice(2);
const reads: Record<string, number> = {};
const unwraps: Record<string, number> = {};
let throttles = false;
let refused = 0;
let tokens = 0;
let second = 0;
let taken = 0;

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

const middleware: Middleware = async (request, next) => {
  const { segments, method, body } = request;
  const last = segments.at(-1) ?? "";

  if (!throttles) {
    return next();
  }

  if (last === "token") {
    tokens += 1;
  }

  if (!segments.includes("keys")) {
    return next();
  }

  await sleep(Number(latencyMs));

  const now = Math.floor(performance.now() / 1_000);

  taken = now === second ? taken + 1 : 1;
  second = now;

  if (taken > Number(perSecond)) {
    refused += 1;

    // Whether such an answer says when to come again is not documented: every second one does here.
    return refused % 2 === 0 ? { status: 429, headers: { "retry-after": "1" } } : { status: 429 };
  }

  if (method === "GET" && segments.at(-2) === "keys") {
    count(reads, last);
  } else if (last === "unwrap") {
    // What is unwrapped is told by its additional authenticated data: instance and identifier.
    count(unwraps, (JSON.parse(body.toString("utf8")) as { aad: string[] }).aad.at(-1) ?? "");
  }

  return next();
};

const sandbox = await createSandbox({ dataDir, host: "127.0.0.1", port: 0, middleware: [middleware] });

process.on("message", (order: ThrottleOrder) => {
  if (order.type === "throttle") {
    throttles = true;
  } else {
    process.send?.({ type: "report", refused, tokens, reads, unwraps } satisfies ThrottleReport);
  }
});
process.once("disconnect", () => void sandbox.close().then(() => process.exit(0)));
process.send?.({ url: sandbox.url, credentials: sandbox.credentials() });
