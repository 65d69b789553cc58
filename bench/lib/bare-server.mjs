/**
 * The limit: mutual TLS in Node, an answer of the right size for every message, and nothing else. It takes its
 * certificate and the answer from the process that forked it, and tells it its port.
 */
import { createServer } from "node:tls";

process.once("message", ({ cert, key, requestBytes, response }) => {
  const answer = Buffer.from(response, "base64");
  const server = createServer(
    { cert, key, requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.2", noDelay: true },
    (socket) => {
      let waiting = 0;

      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk) => {
        for (waiting += chunk.length; waiting >= requestBytes; waiting -= requestBytes) {
          socket.write(answer);
        }
      });
    },
  );

  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => process.send(server.address().port));
});
process.once("disconnect", () => process.exit());
