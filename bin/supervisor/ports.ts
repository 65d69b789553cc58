import { createServer } from "node:net";

export type WantedPort = { readonly variable: string; readonly host: string; readonly port: number };

async function problemOf(wanted: WantedPort): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();

    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `${wanted.host}:${wanted.port} (${wanted.variable})`;

      switch (error.code) {
        case "EADDRINUSE":
          return resolve(
            `${where} is in use by another program. Stop it, or set ${wanted.variable} to a free port.`,
          );
        case "EACCES":
          return resolve(`${where} may not be opened by this user. Choose a port above 1023.`);
        case "EADDRNOTAVAIL":
        case "ENOTFOUND":
          return resolve(`${where} is not an address of this machine.`);
        default:
          return resolve(`${where} cannot be opened: ${error.message}`);
      }
    });
    server.listen({ host: wanted.host, port: wanted.port, exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}

/** Tries every port that will be needed and says of each, in words for the operator, what is wrong. */
export async function portProblems(wanted: readonly WantedPort[]): Promise<string[]> {
  const problems = await Promise.all(wanted.map(problemOf));
  const seen = new Map<string, string>();

  for (const { host, port, variable } of wanted) {
    const key = `${host}:${port}`;
    const earlier = seen.get(key);

    if (earlier) {
      problems.push(`${key} is asked for twice, by ${earlier} and by ${variable}.`);
    }

    seen.set(key, variable);
  }

  return problems.filter((problem) => problem !== null);
}
