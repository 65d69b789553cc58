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
  const seen = new Map<string, WantedPort>();
  const twice: string[] = [];

  for (const one of wanted) {
    const key = `${one.host}:${one.port}`;
    const earlier = seen.get(key);

    // Tried out once only: the second try would find the first.
    if (earlier) {
      twice.push(`${key} is asked for twice, by ${earlier.variable} and by ${one.variable}.`);
    } else {
      seen.set(key, one);
    }
  }

  const problems = await Promise.all([...seen.values()].map(problemOf));

  return [...problems.filter((problem) => problem !== null), ...twice];
}
