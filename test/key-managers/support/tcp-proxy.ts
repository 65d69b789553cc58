import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What a proxy does with connections: hands them on, cuts them as they come, or answers every request with fixed text.
 */
type ProxyMode = "pass" | "cut" | { readonly answer: string };

export type TcpProxy = {
  readonly port: number;
  /** Sets the mode; connections that stand are cut, so that it holds for the next request. */
  setMode(mode: ProxyMode): void;
  close(): Promise<void>;
};

/** A proxy on loopback before a port of this machine, for faults below HTTP. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: ProxyMode = "pass";

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  }

  const server = createServer((client) => {
    keep(client);

    if (mode === "cut") {
      client.resetAndDestroy();

      return;
    }

    if (mode !== "pass") {
      const { answer } = mode;
      client.on("data", () => client.end(answer));

      return;
    }

    const upstream = connect(targetPort, "127.0.0.1");
    keep(upstream);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.pipe(upstream);
    upstream.pipe(client);
  });

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const cutAll = () => {
    for (const socket of sockets) {
      socket.destroy();
    }
  };

  return {
    port: (server.address() as AddressInfo).port,
    setMode(next) {
      mode = next;
      cutAll();
    },
    async close() {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
