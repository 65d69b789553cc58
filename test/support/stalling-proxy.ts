/** A way to PostgreSQL that can be blocked: connections stay open, and not a byte goes either way. */
import { connect, createServer, type Socket } from "node:net";

export type StallingProxy = {
  /** The database's address, by this way. */
  readonly url: string;
  stall(): void;
  /** What was held back goes on, as after SIGCONT. */
  resume(): void;
  close(): Promise<void>;
};

export async function stallingProxy(url: string): Promise<StallingProxy> {
  const target = new URL(url);
  const pairs = new Set<readonly [Socket, Socket]>();
  let stalled = false;

  const apply = ([near, far]: readonly [Socket, Socket]) => {
    for (const socket of [near, far]) {
      if (stalled) {
        socket.pause();
      } else {
        socket.resume();
      }
    }
  };
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    const pair = [near, far] as const;

    pairs.add(pair);

    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes) => to.write(bytes));
      from.on("error", () => {});
      from.on("close", () => {
        // A server that hangs does not notice that its client has gone, nor the other way round.
        if (!stalled || from === near) {
          to.destroy();
        }

        pairs.delete(pair);
      });
    }

    apply(pair);
  });

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const address = server.address();
  const through = new URL(url);

  through.port = String(typeof address === "object" ? address?.port : "");

  return {
    url: through.href,
    stall() {
      stalled = true;
      pairs.forEach(apply);
    },
    resume() {
      stalled = false;
      pairs.forEach(apply);
    },
    async close() {
      for (const [near, far] of pairs) {
        near.destroy();
        far.destroy();
      }

      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
