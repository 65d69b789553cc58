import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ADDRESS_NOT_ALLOWED, createOutboundAgent } from "./agent";
import { parseAllowList } from "./allow-list";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server of this machine that counts who comes. */
async function listen(answer: { status: number; headers?: Record<string, string> } = { status: 200 }) {
  const seen = { connections: 0, requests: 0 };
  const server = createServer((_request, response) => {
    seen.requests += 1;
    response.writeHead(answer.status, { ...answer.headers, Connection: "close" }).end("here");
  }).on("connection", () => {
    seen.connections += 1;
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return { port: (server.address() as AddressInfo).port, seen };
}

type Answers = readonly (readonly string[])[];

/** Resolves every name to one answer after the other, the last one again and again. */
function resolver(answers: Answers) {
  const asked: string[] = [];
  const lookup: Parameters<typeof createOutboundAgent>[0]["lookup"] = (hostname, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };

  return { lookup, asked };
}

function agentOf(allowed: string, answers: Answers = []) {
  const { lookup, asked } = resolver(answers);
  const agent = createOutboundAgent({ allow: () => parseAllowList(allowed) ?? [], lookup, idleMs: 1_000 });
  const get = async (url: string) => {
    const { origin, pathname } = new URL(url);
    const { statusCode, body } = await agent.request({ origin, path: pathname, method: "GET" });
    await body.dump();

    return statusCode;
  };

  return { get, asked };
}

const refused = { code: ADDRESS_NOT_ALLOWED };

describe("a connection", () => {
  it.each(["127.0.0.1", "2130706433", "127.1", "0", "[::ffff:127.0.0.1]", "[::1]"])(
    "is not made to this machine as %s",
    async (host) => {
      const { port, seen } = await listen();
      const { get, asked } = agentOf("");

      await expect(get(`http://${host}:${port}/`)).rejects.toMatchObject(refused);
      await expect(get(`https://${host}:${port}/`)).rejects.toMatchObject(refused);
      expect({ ...seen, asked }).toEqual({ connections: 0, requests: 0, asked: [] });
    },
  );

  it("is made to what the list names", async () => {
    const { port, seen } = await listen();

    expect(await agentOf(`127.0.0.1:${port}`).get(`http://127.0.0.1:${port}/`)).toBe(200);
    expect(await agentOf("kms.test", [["127.0.0.1"]]).get(`http://kms.test:${port}/`)).toBe(200);
    expect(await agentOf(`127.0.0.1:${port}`, [["127.0.0.1"]]).get(`http://kms.test:${port}/`)).toBe(200);
    expect(seen.requests).toBe(3);
  });

  it("is judged by the address to which a name resolves", async () => {
    const { port, seen } = await listen();

    for (const protocol of ["http", "https"]) {
      for (const answer of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0"]) {
        const { get, asked } = agentOf("", [[answer]]);
        await expect(get(`${protocol}://kms.test:${port}/`)).rejects.toMatchObject(refused);
        expect(asked).toEqual(["kms.test"]);
      }
    }
    expect(seen.connections).toBe(0);
  });

  it("is made to the very address that was judged: a name is not resolved a second time", async () => {
    const { port, seen } = await listen();
    const allowed = `127.0.0.1:${port}`;
    // The second answer is the trap: it counts for the next connection, and is judged then.
    const { get, asked } = agentOf(allowed, [["127.0.0.1"], ["127.0.0.2"]]);

    expect(await get(`http://kms.test:${port}/`)).toBe(200);
    expect(asked).toHaveLength(1);
    await expect(get(`http://kms.test:${port}/`)).rejects.toMatchObject(refused);
    expect(asked).toHaveLength(2);
    expect(seen.connections).toBe(1);
  });

  it("takes of several addresses those that are allowed", async () => {
    const { port, seen } = await listen();
    const { get } = agentOf(`127.0.0.1:${port}`, [["169.254.169.254", "127.0.0.1", "::1"]]);

    expect(await get(`http://kms.test:${port}/`)).toBe(200);
    expect(seen.connections).toBe(1);
  });

  it("to one place says nothing for another", async () => {
    const [open, shut] = [await listen(), await listen()];
    const { get } = agentOf(`127.0.0.1:${open.port}`);

    expect(await get(`http://127.0.0.1:${open.port}/`)).toBe(200);
    await expect(get(`http://127.0.0.1:${shut.port}/`)).rejects.toMatchObject(refused);
    expect(shut.seen.connections).toBe(0);
  });

  it("does not follow redirects", async () => {
    const target = await listen();
    const { port } = await listen({
      status: 307,
      headers: { Location: `http://127.0.0.1:${target.port}/` },
    });

    expect(await agentOf("127.0.0.1").get(`http://127.0.0.1:${port}/`)).toBe(307);
    expect(target.seen.connections).toBe(0);
  });
});
