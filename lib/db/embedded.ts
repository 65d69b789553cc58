import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { readPostmaster } from "./postmaster";
import { EMBEDDED_CONNECTION_FILE, type EmbeddedConnection, embeddedUrl } from "./url";

/**
 * The embedded PostgreSQL runs in a process of its own (bin/postgres.ts), which this module starts and stops. It
 * has to be apart: the package installs exit hooks that stop the server at the first signal, while our other
 * processes must still be able to finish their last transactions (ADR 0004).
 */
export type EmbeddedServer = {
  readonly url: string;
  readonly connection: EmbeddedConnection;
  /** Resolves with the exit code when the process ends, wanted or not. */
  readonly exited: Promise<number | null>;
  /** Fast shutdown; resolves when the server is down. */
  stop(): Promise<void>;
};

/** What the parent tells bin/postgres.ts over IPC; never by arguments, which others on the machine can read. */
export type PostgresOrder = {
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly createUser: boolean;
  readonly flags: readonly string[];
};

/** What bin/postgres.ts answers. */
export type PostgresReport =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string };

/** The embedded server cannot run here; the message says why and what to do. */
class EmbeddedPostgresError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "EmbeddedPostgresError";
  }
}

const OTHER_ID = "65534";
const START_TIMEOUT_MS = 60_000;
/** A fast shutdown takes a fraction of a second; what is cut off is recovered from the log at the next start. */
const STOP_TIMEOUT_MS = 3_000;

function userNamespaceWorks(): boolean {
  const probe = spawnSync("unshare", ["-U", `--map-user=${OTHER_ID}`, `--map-group=${OTHER_ID}`, "true"], {
    stdio: "ignore",
  });

  return probe.status === 0;
}

/** First folder above `directory` that other users may not pass through, or null. */
function closedAncestor(directory: string): string | null {
  for (let folder = dirname(directory); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) {
      return folder;
    }
  }

  return null;
}

/**
 * PostgreSQL refuses to run as root. As root it is therefore put into a user namespace where it is nobody but
 * keeps our file rights: no system user is made and any DATA_DIR works. Where namespaces are forbidden, the
 * package's way remains: a system user `postgres`, which must be able to reach the folder.
 */
function chooseIdentity(directory: string): { exec: string[]; createUser: boolean } {
  if (process.getuid?.() !== 0) {
    return { exec: [], createUser: false };
  }

  const madeByOther = existsSync(directory) && statSync(directory).uid !== 0;

  if (process.platform === "linux" && !madeByOther && userNamespaceWorks()) {
    return {
      exec: ["unshare", "-U", `--map-user=${OTHER_ID}`, `--map-group=${OTHER_ID}`, "--"],
      createUser: false,
    };
  }

  const closed = closedAncestor(directory);

  if (closed) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL does not run as root, and its user cannot reach ${directory} because ${closed} is closed to others. ` +
        `Start as another user, choose a DATA_DIR elsewhere, set DATABASE_URL, or run: chmod o+x ${closed}`,
    );
  }

  return { exec: [], createUser: true };
}

/** True when nobody listens on the port of 127.0.0.1; port 0 asks for any and answers which. */
async function probePort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();

    server.once("error", () => resolve(null));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();

      server.close(() => resolve(address && typeof address === "object" ? address.port : null));
    });
  });
}

function writePrivately(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;

  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}

/** Whether the server can have the port it had: it is free, or held by the server of a parent that was killed. */
async function canHaveAgain(port: number, directory: string): Promise<boolean> {
  return readPostmaster(directory)?.port === port || (await probePort(port)) !== null;
}

async function settleConnection(dataDir: string, keepPort: boolean): Promise<EmbeddedConnection> {
  const file = join(dataDir, EMBEDDED_CONNECTION_FILE);
  let earlier: EmbeddedConnection | null = null;

  if (existsSync(file)) {
    try {
      earlier = JSON.parse(readFileSync(file, "utf8")) as EmbeddedConnection;
    } catch (error) {
      throw new EmbeddedPostgresError(
        `${file} cannot be read; it holds the database's password. Restore it from a backup.`,
        {
          cause: error,
        },
      );
    }
  } else if (existsSync(join(dataDir, "postgres", "PG_VERSION"))) {
    throw new EmbeddedPostgresError(
      `${file} is missing, but ${join(dataDir, "postgres")} holds a database whose password it had. Restore it from a backup.`,
    );
  }

  const password = earlier?.password ?? randomBytes(24).toString("base64url");
  const again =
    earlier && (await canHaveAgain(earlier.port, join(dataDir, "postgres"))) ? earlier.port : null;

  if (earlier && again === null && keepPort) {
    throw new EmbeddedPostgresError(
      `Port ${earlier.port} of 127.0.0.1, where the other processes look for the embedded PostgreSQL, is in use.`,
    );
  }

  const port = again ?? (await probePort(0));

  if (port === null) {
    throw new EmbeddedPostgresError("No free port on 127.0.0.1 for the embedded PostgreSQL.");
  }

  const connection = { port, password };

  if (earlier?.port !== port) {
    writePrivately(file, `${JSON.stringify(connection)}\n`);
  }

  return connection;
}

/**
 * Starts the embedded PostgreSQL of a DATA_DIR, making it first if need be.
 * @param options.dataDir folder that holds `postgres/` (the cluster) and `postgres.json` (port and password, 0600)
 * @param options.entry path of the compiled or TypeScript bin/postgres
 * @param options.execArgv Node options for that process, e.g. `--import tsx`
 * @param options.flags further server flags, e.g. `-c fsync=off` in tests
 * @throws EmbeddedPostgresError in words for the operator
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  entry: string;
  execArgv?: string[];
  flags?: string[];
  /** True while other processes run that know its port: then it is that one or none. */
  keepPort?: boolean;
  onLog?: (line: string) => void;
}): Promise<EmbeddedServer> {
  mkdirSync(options.dataDir, { recursive: true });

  const directory = join(options.dataDir, "postgres");
  const identity = chooseIdentity(directory);

  if (identity.createUser) {
    // The cluster's user passes through DATA_DIR, but may not list it.
    chmodSync(options.dataDir, 0o711);
  }

  const connection = await settleConnection(options.dataDir, options.keepPort ?? false);
  const [exec, ...execArguments] = [...identity.exec, process.execPath];
  const child: ChildProcess = fork(options.entry, [], {
    execPath: exec ?? process.execPath,
    execArgv: [...execArguments, ...(options.execArgv ?? [])],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A group of its own: Ctrl-C reaches the supervisor only, which stops the database last.
    detached: true,
  });
  const lines: string[] = [];

  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      for (const line of text.split("\n").filter(Boolean)) {
        lines.push(line);
        lines.splice(0, lines.length - 20);
        options.onLog?.(line);
      }
    });
  }

  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });

  const order: PostgresOrder = {
    directory,
    port: connection.port,
    password: connection.password,
    createUser: identity.createUser,
    flags: options.flags ?? [],
  };

  const report = await Promise.race([
    new Promise<PostgresReport>((resolve) => {
      child.once("message", (message) => resolve(message as PostgresReport));
      child.send(order);
    }),
    exited.then((): PostgresReport => ({ type: "failed", message: lines.join("\n") || "it ended at once" })),
    new Promise<PostgresReport>((resolve) => {
      setTimeout(
        () => resolve({ type: "failed", message: "it was not ready in a minute" }),
        START_TIMEOUT_MS,
      ).unref();
    }),
  ]);

  if (report.type === "failed") {
    child.kill("SIGTERM");
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL in ${directory} did not start: ${report.message}`,
    );
  }

  return {
    url: embeddedUrl(connection),
    connection,
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
      }

      const kill = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);

      await exited;
      clearTimeout(kill);
    },
  };
}
