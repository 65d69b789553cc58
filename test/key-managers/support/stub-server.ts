import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export type StubRequest = { method: string; url: string; headers: IncomingMessage["headers"]; body: string };
export type StubAnswer = { status: number; json?: unknown; text?: string; headers?: Record<string, string> };

export type StubServer = {
  url: string;
  /** Every request so far, in the order of arrival. */
  requests: StubRequest[];
};

/**
 * A local HTTP server whose answers a test writes. `handler` gets the request and its number (from 1); "hang" never
 * answers, "drop" cuts the connection. Closed when the test is over.
 */
export async function startStub(
  handler: (request: StubRequest, count: number) => StubAnswer | "hang" | "drop" | Promise<StubAnswer>,
): Promise<StubServer> {
  const requests: StubRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    void serve(incoming, outgoing);
  });

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];

    for await (const chunk of incoming) {
      chunks.push(chunk as Buffer);
    }

    const request = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    requests.push(request);
    const answer = await handler(request, requests.length);

    if (answer === "hang") {
      return;
    }

    if (answer === "drop") {
      incoming.socket.destroy();

      return;
    }

    outgoing.writeHead(answer.status, { "Content-Type": "application/json", ...answer.headers });
    outgoing.end(answer.text ?? (answer.json === undefined ? "" : JSON.stringify(answer.json)));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );

  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** An address of this machine where nobody listens. */
export async function unusedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));

  return `http://127.0.0.1:${port}`;
}

/** An unsigned token with claims as IAM writes them. */
export function fakeJwt(claims: { iam_id?: string; name?: string } = {}): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const payload = {
    iam_id: claims.iam_id ?? "iam-ServiceId-11111111-1111-4111-8111-111111111111",
    name: claims.name ?? "kmip",
    account: { bss: "account-1" },
    jti: Math.random().toString(36),
  };

  return `${encode({ alg: "RS256" })}.${encode(payload)}.c2ln`;
}
