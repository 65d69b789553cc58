/**
 * `npm start`: checks what it needs, brings the database up to date, runs all processes and keeps them running.
 * Every expected trouble ends in one clear message and exit code 1, with nothing half done.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ensureDedicatedEndpoints, ensureTlsIdentities, hasTlsIdentities } from "@/lib/core/endpoints";
import { listenerSettings } from "@/lib/core/endpoints/listener-settings";
import { ensureMasterKey, MasterKeyError } from "@/lib/core/secrets";
import { ensureFirstAdministrator } from "@/lib/core/users";
import { openDatabase, setDatabase } from "@/lib/db";
import { type EmbeddedServer, startEmbeddedPostgres } from "@/lib/db/embedded";
import { migrate, readMigrations } from "@/lib/db/migrate";
import { type Env, env, serverCertificateHosts } from "@/lib/env";
import { makeFolder } from "@/lib/folder";
import { readSandboxCredentials } from "@/sandbox";
import type { Child } from "./supervisor/child";
import { makeChildren, provideSandboxIdentity } from "./supervisor/children";
import { type DataDirLock, lockDataDir } from "./supervisor/lock";
import { surviveLostOutput } from "./supervisor/lost-output";
import { openLog, processEntry } from "./supervisor/output";
import { portProblems, type WantedPort } from "./supervisor/ports";

/** Everything must be gone this long after SIGTERM (the contract says 10 s). */
const CHILD_STOP_MS = 6_000;

class StartError extends Error {}

/** Processes of a start that was killed have this long to notice it and to end. */
const LEFTOVERS_MS = 12_000;
/** How often this process looks whether npm, which was told to run it, is still there. */
const PARENT_EVERY_MS = 200;

type House = { children: Child[]; postgres: EmbeddedServer | null; lock: DataDirLock | null };

const house: House = { children: [], postgres: null, lock: null };
let stopping = false;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

function prepareDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    makeFolder(join(dataDir, "logs"));
  } catch (error) {
    throw new StartError(`DATA_DIR ${dataDir} cannot be written: ${(error as Error).message}`);
  }
}

function wantedPorts(settings: Env): WantedPort[] {
  return [
    { variable: "PORT", host: settings.HOST, port: settings.PORT },
    ...settings.KMIP_PORTS.map((port) => ({ variable: "KMIP_PORTS", host: settings.KMIP_HOST, port })),
    ...(settings.KMIP_HTTPS_PORTS ?? []).map((port) => ({
      variable: "KMIP_HTTPS_PORTS",
      host: settings.KMIP_HOST,
      port,
    })),
    ...(settings.SANDBOX_PORT === "off"
      ? []
      : [{ variable: "SANDBOX_PORT", host: "127.0.0.1", port: settings.SANDBOX_PORT }]),
    ...(settings.SANDBOX_PORT === "off" || settings.SANDBOX_CONTROL_PORT === "off"
      ? []
      : [{ variable: "SANDBOX_CONTROL_PORT", host: "127.0.0.1", port: settings.SANDBOX_CONTROL_PORT }]),
  ];
}

async function openDatabaseServer(settings: Env, root: string): Promise<string> {
  if (settings.DATABASE_URL) {
    return settings.DATABASE_URL;
  }

  const log = openLog(settings.DATA_DIR, "postgres");
  const { entry, execArgv } = processEntry(root, "postgres");

  const start = async (keepPort = false): Promise<EmbeddedServer> =>
    startEmbeddedPostgres({
      dataDir: settings.DATA_DIR,
      entry,
      execArgv,
      keepPort,
      onLog: (line) => log.line(line),
    });

  const keep = (server: EmbeddedServer): void => {
    house.postgres = server;
    void server.exited.then(async (code) => {
      if (stopping || house.postgres !== server) {
        return;
      }

      warn(`The embedded PostgreSQL ended with code ${code ?? "none"}; starting it again.`);

      for (let wait = 200; !stopping; wait = Math.min(wait * 2, 10_000)) {
        try {
          keep(await start(true));

          return;
        } catch (error) {
          warn(error instanceof Error ? error.message : String(error));
          await sleep(wait);
        }
      }
    });
  };

  const server = await start();

  keep(server);

  return server.url;
}

/** One line about a database that cannot be used; the URL's password stays out of it. */
function databaseProblem(error: unknown, settings: Env): Error {
  if (!settings.DATABASE_URL || !(error instanceof Error) || error.name === "MigrationError") {
    return error instanceof Error ? error : new Error(String(error));
  }

  const url = new URL(settings.DATABASE_URL);
  // An AggregateError of several addresses has no message of its own.
  const cause = error.message || (error as { code?: string }).code || "no answer";

  return new StartError(
    `The database at ${url.hostname}:${url.port || 5432}${url.pathname} (DATABASE_URL) cannot be used: ${cause}`,
  );
}

/** The master key and what is sealed under it. A new key must never be made for a database that has an older one. */
async function prepareSecrets(settings: Env): Promise<void> {
  const { masterKeyFile } = settings;

  if (!existsSync(masterKeyFile) && (await hasTlsIdentities())) {
    throw new StartError(
      `The master key ${masterKeyFile} is missing, and this database holds secrets that are sealed under it. ` +
        "Restore the file from a backup, or set MASTER_KEY_FILE to where it is.",
    );
  }

  ensureMasterKey(masterKeyFile);

  try {
    await ensureTlsIdentities({
      zones: settings.KMIP_PORTS.map((_, index) => index + 1),
      hosts: serverCertificateHosts(settings),
    });
    await ensureDedicatedEndpoints((error, instanceId) =>
      warn(
        `The endpoints of instance ${instanceId} are not ready: ${error instanceof Error ? error.message : error}`,
      ),
    );
  } catch (error) {
    if (!(error instanceof MasterKeyError)) {
      throw error;
    }
    throw new StartError(
      `The master key ${masterKeyFile} is not the one that sealed the secrets of this database. Restore the one that did.`,
    );
  }
}

async function prepareDatabase(
  settings: Env,
  root: string,
): Promise<{ url: string; generatedPassword: string | null; email: string }> {
  const url = await openDatabaseServer(settings, root);

  try {
    await migrate(url, readMigrations(join(root, "prisma/migrations")), {
      onWait: (name) =>
        warn(`The migration ${name} waits for a lock that another session of the database holds.`),
    });
  } catch (error) {
    throw databaseProblem(error, settings);
  }

  const database = openDatabase(url, { max: 3, applicationName: "kmip-console start" });

  setDatabase(database);

  try {
    await prepareSecrets(settings);

    const administrator = await ensureFirstAdministrator({
      email: settings.ADMIN_EMAIL,
      ...(settings.ADMIN_PASSWORD ? { password: settings.ADMIN_PASSWORD } : {}),
    });

    return { url, ...administrator };
  } finally {
    setDatabase(null);
    await database.close();
  }
}

/** What is wrong with the ports; after a start that was killed, only what its leftovers do not give back. */
async function settledPortProblems(settings: Env, afterKill: boolean): Promise<string[]> {
  const giveUpAt = Date.now() + LEFTOVERS_MS;

  for (let told = false; ; ) {
    const problems = await portProblems(wantedPorts(settings));

    if (problems.length === 0 || !afterKill || stopping || Date.now() > giveUpAt) {
      return problems;
    }

    if (!told) {
      warn("The start before was killed. Waiting for its processes to end.");
      told = true;
    }

    await sleep(250);
  }
}

/**
 * Whoever kills npm means what it runs; nobody else would be told. Without npm (a service manager that calls node
 * itself) there is nobody to follow.
 */
function followNpm(): void {
  if (process.env.npm_lifecycle_event === undefined) {
    return;
  }

  const parent = process.ppid;

  setInterval(() => {
    if (process.ppid !== parent) {
      onSignal();
    }
  }, PARENT_EVERY_MS).unref();
}

async function stopAll(): Promise<void> {
  stopping = true;
  house.lock?.announceStop();
  await Promise.all(house.children.map((child) => child.stop(CHILD_STOP_MS)));
  await house.postgres?.stop();
  house.lock?.release();
}

async function announce(
  settings: Env,
  administrator: { email: string; generatedPassword: string | null },
): Promise<void> {
  say("");
  say(`  KMIP Console       ${settings.publicUrl}`);
  say(
    administrator.generatedPassword
      ? `  First sign-in      ${administrator.email}  ${administrator.generatedPassword}   (shown once; keep it)`
      : `  Sign-in            ${administrator.email}`,
  );

  if (settings.sandboxUrl) {
    const credentials = await readSandboxCredentials({
      dataDir: join(settings.DATA_DIR, "sandbox"),
      baseUrl: settings.sandboxUrl,
    });

    say(
      `  Sandbox            ${settings.sandboxUrl}   (stands in for IBM Cloud; SANDBOX_PORT=off turns it off)`,
    );
    say(`  Sample API key     ${credentials.manager.apiKey}   (service ID with Viewer and Manager)`);
  }

  say(`  Data and logs      ${settings.DATA_DIR}`);
  say("");
  say(
    `ready console=${settings.publicUrl} kmip=${settings.KMIP_PORTS.map((port) => `${settings.KMIP_HOST}:${port}`).join(",")}`,
  );
}

async function start(): Promise<void> {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const settings = env();

  // What the endpoints could not begin with is said here, and not in their logs.
  listenerSettings(settings, { openFiles: null, listeners: 1 });
  prepareDataDir(settings.DATA_DIR);
  house.lock = await lockDataDir(settings.DATA_DIR);

  const problems = await settledPortProblems(settings, house.lock.takenOver);

  if (problems.length > 0) {
    throw new StartError(problems.join("\n"));
  }

  const { url, ...administrator } = await prepareDatabase(settings, root);
  const { sandbox, others } = makeChildren(settings, { root, databaseUrl: url, warn });

  house.children = sandbox ? [sandbox, ...others] : others;

  // Independent of one another: readiness of the whole is asked for at /readyz.
  await Promise.all(house.children.map((child) => child.start()));

  if (!stopping) {
    await provideSandboxIdentity(settings);
    await announce(settings, administrator);
  }
}

function onSignal(): void {
  if (stopping) {
    return;
  }

  stopAll().then(
    () => process.exit(0),
    (error: unknown) => {
      warn(error instanceof Error ? error.message : String(error));
      process.exit(1);
    },
  );
}

surviveLostOutput();
process.on("SIGTERM", onSignal);
process.on("SIGINT", onSignal);
followNpm();

start().catch(async (error: unknown) => {
  if (stopping) {
    return;
  }

  // Messages of errors are written for the operator; stacks are for the logs of the processes.
  warn(error instanceof Error ? error.message : String(error));
  await stopAll().catch(() => {});
  process.exit(1);
});
