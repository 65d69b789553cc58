import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, describe, expect, inject, it } from "vitest";
import {
  cli,
  freePorts,
  type Product,
  type ProductSettings,
  productSettings,
  runStart,
  startProduct,
} from "../support/product";
import { processIdOf } from "./support";

const cleanups: (() => unknown)[] = [];
/** The only thing that a start after a killed one may have to say. */
const ONLY_WAITED = /^(The start before was killed\. Waiting for its processes to end\.\n)?$/;

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kmip-console-start-"));

  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));

  return folder;
}

async function occupy(port: number): Promise<Server> {
  const server = createServer();

  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));

  return server;
}

/** Stands for a password in the settings of a start. */
const SECRET = "s3cr3t-word";

/** A start that must fail: a message that names the trouble, exit code 1, no stack, no password. */
async function expectRefusal(overrides: { [name: string]: string }, message: RegExp): Promise<void> {
  const settings = await productSettings({ DATA_DIR: join(temporaryFolder(), "data"), ...overrides });
  const { product, code, stdout, stderr } = await runStart(settings);

  await product?.destroy();
  expect(product).toBeNull();
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).not.toContain("ready ");
  expect(`${stdout}${stderr}`).not.toContain(SECRET);
}

/** `npm start` as people call it, when it is ready. */
async function runNpmStart(
  settings: ProductSettings,
): Promise<{ npm: ChildProcess; gone: Promise<number | null> }> {
  const { NODE_ENV: _mode, VITEST: _vitest, ...environment } = process.env;
  const npm = spawn("npm", ["start"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...environment, ...settings.env } as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const gone = new Promise<number | null>((resolve) => npm.once("exit", (code) => resolve(code)));

  await new Promise<void>((resolve, reject) => {
    let text = "";

    npm.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();

      if (/^ready /m.test(text)) {
        resolve();
      }
    });
    gone.then(() => reject(new Error(`npm start ended\n${text}`)), reject);
  });

  return { npm, gone };
}

/** URL of another database in the PostgreSQL of a product. */
async function databaseUrl(product: Parameters<typeof cli>[0], name: string): Promise<string> {
  const { stdout } = await cli(product, "database", "url");

  return stdout.trim().replace(/\/[^/]*$/, `/${name}`);
}

async function connectTo(product: Parameters<typeof cli>[0]): Promise<pg.Client> {
  const { stdout } = await cli(product, "database", "url");
  const client = new pg.Client({ connectionString: stdout.trim() });

  await client.connect();
  cleanups.push(() => client.end());

  return client;
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();

    server.once("error", () => resolve(true));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)));
  });
}

describe("a start that cannot be", () => {
  it("says which port is in use", async () => {
    const [port = 0] = await freePorts(1);

    await occupy(port);
    await expectRefusal({ PORT: String(port) }, new RegExp(`127\\.0\\.0\\.1:${port} \\(PORT\\) is in use`));
  });

  it("says which KMIP port is in use", async () => {
    const [taken = 0, free = 0] = await freePorts(2);

    await occupy(taken);
    await expectRefusal(
      { KMIP_PORTS: `${free},${taken}` },
      new RegExp(`${taken} \\(KMIP_PORTS\\) is in use`),
    );
  });

  it("says which port is asked for twice, and blames no other program", async () => {
    const [port = 0] = await freePorts(1);
    const settings = await productSettings({ PORT: String(port), SANDBOX_PORT: String(port) });
    const { code, stderr } = await runStart(settings);

    cleanups.push(() => rmSync(settings.dataDir, { recursive: true, force: true }));
    expect(code).toBe(1);
    expect(stderr).toBe(`127.0.0.1:${port} is asked for twice, by PORT and by SANDBOX_PORT.\n`);
  });

  it("says that DATA_DIR cannot be written", async () => {
    const file = join(temporaryFolder(), "file");

    writeFileSync(file, "not a folder");
    await expectRefusal({ DATA_DIR: join(file, "data") }, /DATA_DIR .* cannot be written/);
    expect(readFileSync(file, "utf8")).toBe("not a folder");
  });

  it.runIf(process.platform === "linux")("says so where no folder can be made at all", async () => {
    await expectRefusal({ DATA_DIR: "/proc/kmip-console/data" }, /DATA_DIR .* cannot be written/);
  });

  it("makes no new master key for a database that has an older one, and takes no other", async () => {
    const running = inject("product");
    const client = await connectTo(running);

    await client.query("CREATE DATABASE sealed");
    cleanups.push(() => client.query("DROP DATABASE sealed WITH (FORCE)"));

    const settings = await productSettings({
      DATA_DIR: join(temporaryFolder(), "data"),
      DATABASE_URL: await databaseUrl(running, "sealed"),
    });
    const { product } = await runStart(settings);

    await product?.stop();

    const key = join(settings.dataDir, "master.key");
    const kept = readFileSync(key);

    rmSync(key);
    await expectRefusal(settings.env, /master key .* is missing.*Restore the file/);
    expect(existsSync(key)).toBe(false);

    writeFileSync(key, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
    await expectRefusal(settings.env, /master key .* is not the one that sealed/);

    writeFileSync(key, kept);

    const again = await runStart(settings);

    cleanups.push(() => again.product?.stop());
    expect(again.stderr).toBe("");
    expect(again.product).not.toBeNull();
  });

  it("says that the database is not there, without its password", async () => {
    const [port = 0] = await freePorts(1);

    await expectRefusal(
      { DATABASE_URL: `postgresql://someone:${SECRET}@127.0.0.1:${port}/none` },
      new RegExp(`127\\.0\\.0\\.1:${port}/none \\(DATABASE_URL\\) cannot be used`),
    );
  });

  it("names every wrong variable", async () => {
    await expectRefusal(
      { PORT: "80a", KMIP_PORTS: "5696,70000", SANDBOX_PORT: "on", PUBLIC_URL: "ftp://x", LOG_LEVEL: "loud" },
      new RegExp(
        [
          "PORT is a port number from 1 to 65535",
          "KMIP_PORTS.1 is a port number from 1 to 65535",
          "SANDBOX_PORT is off, or a port number",
          "PUBLIC_URL is an absolute http",
          "LOG_LEVEL is one of trace, debug",
        ].join("[\\s\\S]*"),
      ),
    );
  });

  it("refuses a DATA_DIR that another start has", async () => {
    const running = inject("product");

    await expectRefusal({ DATA_DIR: running.dataDir }, /is in use by another start \(process \d+\)/);
    expect((await fetch(`${running.consoleUrl}/readyz`)).status).toBe(200);
  });

  it("refuses a database that a newer version used, and leaves it as it is", async () => {
    const running = inject("product");
    const client = await connectTo(running);

    await client.query("CREATE DATABASE newer");
    cleanups.push(() => client.query("DROP DATABASE newer WITH (FORCE)"));

    const url = await databaseUrl(running, "newer");
    const newer = new pg.Client({ connectionString: url });

    await newer.connect();
    await newer.query(
      "CREATE TABLE _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count int not null default 0)",
    );
    await newer.query(
      "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('1', 'x', now(), '29990101000000_future')",
    );
    await newer.end();
    await expectRefusal({ DATABASE_URL: url }, /29990101000000_future.*newer version/);
  });
});

describe("npm start", () => {
  it("prints where to go, and the generated sign-in once", async () => {
    const settings = await productSettings({ DATA_DIR: join(temporaryFolder(), "data"), ADMIN_PASSWORD: "" });
    const first = await runStart(settings);

    expect(first.stdout).toMatch(/First sign-in\s+admin@example\.com {2}\S{12,}/);
    expect(first.stdout).toMatch(/Sample API key\s+\S{20,}/);
    expect(first.stdout.match(/^ready .*$/gm)).toHaveLength(1);
    expect(await first.product?.stop()).toMatchObject({ code: 0 });

    const second = await runStart(settings);

    expect(second.stdout).toMatch(/Sign-in\s+admin@example\.com\s/);
    expect(second.stdout).not.toMatch(/First sign-in/);
    expect(await second.product?.stop()).toMatchObject({ code: 0 });
    expect(statSync(settings.dataDir).mode & 0o077).toBe(0);

    // Logs are JSON, line by line, whoever wrote them; PostgreSQL's own apart.
    const logs = readdirSync(join(settings.dataDir, "logs")).filter((name) => name !== "postgres.log");

    expect(logs).toEqual(["kmip-1.log", "kmip-2.log", "sandbox.log", "web.log", "worker.log"]);

    for (const name of logs) {
      for (const line of readFileSync(join(settings.dataDir, "logs", name), "utf8")
        .split("\n")
        .filter(Boolean)) {
        expect(JSON.parse(line), line).toMatchObject({ level: expect.any(Number), time: expect.any(String) });
      }
    }
  });

  it("runs on a PostgreSQL of somebody else's", async () => {
    const running = inject("product");
    const client = await connectTo(running);

    await client.query("CREATE DATABASE external");
    cleanups.push(() => client.query("DROP DATABASE external WITH (FORCE)"));

    const product = await startProduct({ DATABASE_URL: await databaseUrl(running, "external") });

    cleanups.push(() => product.destroy());
    expect((await fetch(`${product.consoleUrl}/readyz`)).status).toBe(200);
    expect(readdirSync(product.dataDir)).not.toContain("postgres");
    expect((await cli(product, "database", "url")).stdout.trim()).toMatch(/\/external$/);
  });

  it("drains and ends with 0 when npm itself is told to stop", async () => {
    const settings = await productSettings();

    cleanups.push(() => rmSync(settings.dataDir, { recursive: true, force: true }));

    const { npm, gone } = await runNpmStart(settings);

    npm.kill("SIGTERM");
    expect(await gone).toBe(0);
    expect(await accepts(Number(settings.env.PORT))).toBe(false);
    expect(() => processIdOf(settings, "kmip")).toThrow();
  });

  it("ends with npm when that is killed, and starts again at once", async () => {
    const settings = await productSettings();

    cleanups.push(() => rmSync(settings.dataDir, { recursive: true, force: true }));

    const { npm, gone } = await runNpmStart(settings);

    npm.kill("SIGKILL");
    await gone;

    const again = await runStart(settings);

    cleanups.push(() => again.product?.stop());
    expect(again.stderr).toMatch(ONLY_WAITED);
    expect(again.product).not.toBeNull();
  });

  it("frees every port and leaves no process when it is stopped", async () => {
    const product = await startProduct();

    cleanups.push(() => product.destroy());
    expect(await product.stop()).toMatchObject({ code: 0 });

    for (const port of [
      product.env.PORT,
      product.env.SANDBOX_PORT,
      ...(product.env.KMIP_PORTS ?? "").split(","),
    ]) {
      expect(await accepts(Number(port))).toBe(false);
    }

    expect(() => processIdOf(product, "kmip")).toThrow();
    expect(() => processIdOf(product, "postgres")).toThrow();
  });

  it("comes back with its data after it was killed, even in the middle of its first start", async () => {
    const settings = await productSettings();

    cleanups.push(() => rmSync(settings.dataDir, { recursive: true, force: true }));

    for (const wait of [150, 500, 900, 1_500, 2_500]) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url))],
        {
          env: { ...process.env, NODE_ENV: "production", ...settings.env },
          stdio: "ignore",
        },
      );

      const gone = new Promise((resolve) => child.once("exit", resolve));

      await sleep(wait);
      child.kill("SIGKILL");
      await gone;
    }

    // What the killed starts left behind ends by itself, and the next start waits for it.
    const result = await runStart(settings);

    expect(result.stderr).toMatch(ONLY_WAITED);

    const product = result.product as Product;

    cleanups.push(() => product.stop());
    expect((await fetch(`${product.consoleUrl}/readyz`)).status).toBe(200);

    const token = await cli(product, "token", "create", "--role", "viewer", "--name", "survivor");

    expect(token.code).toBe(0);

    const gone = new Promise((resolve) => product.process.once("exit", resolve));

    product.process.kill("SIGKILL");
    await gone;

    const again = await runStart(settings);

    cleanups.push(() => again.product?.stop());
    expect(again.stderr).toMatch(ONLY_WAITED);

    const me = await fetch(`${again.product?.consoleUrl}/api/v1/me`, {
      headers: { authorization: `Bearer ${token.stdout.trim()}` },
    });

    expect(me.status).toBe(200);
  });

  it("keeps a process running that is killed", async () => {
    const running = inject("product");
    const port = running.kmip[0]?.port ?? 0;
    const pid = processIdOf(running, "kmip", 1);

    process.kill(pid, "SIGKILL");
    await expect
      .poll(
        () => {
          try {
            return processIdOf(running, "kmip", 1) !== pid;
          } catch {
            // Between the two.
            return false;
          }
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    await expect.poll(() => accepts(port), { timeout: 30_000 }).toBe(true);
    await expect
      .poll(async () => (await fetch(`${running.consoleUrl}/readyz`)).status, { timeout: 30_000 })
      .toBe(200);
  });
});

describe("the command line", () => {
  it("prints only the answer on stdout", async () => {
    const running = inject("product");
    const token = await cli(
      running,
      "token",
      "create",
      "--role",
      "administrator",
      "--name",
      "only the token",
    );

    expect(token).toMatchObject({ code: 0, stderr: "" });
    expect(token.stdout).toMatch(/^kmipc_[A-Za-z0-9_-]{43}\n$/);

    const credentials = JSON.parse((await cli(running, "sandbox", "credentials")).stdout);

    expect(credentials).toMatchObject({
      iamUrl: `http://127.0.0.1:${running.env.SANDBOX_PORT}`,
      accountId: expect.any(String),
      manager: { serviceId: expect.stringMatching(/^ServiceId-/), apiKey: expect.any(String) },
      viewerOnly: { serviceId: expect.stringMatching(/^ServiceId-/), apiKey: expect.any(String) },
      keyProtect: { crn: expect.stringContaining(":kms:"), guid: expect.any(String) },
      hpcs: { crn: expect.stringContaining(":hs-crypto:"), guid: expect.any(String) },
    });
    expect(credentials.keyProtect.rootKeys).toHaveLength(2);
    expect(credentials.hpcs.rootKeys).toHaveLength(1);

    const { stdout: url } = await cli(running, "database", "url");

    expect(url).toMatch(/^postgresql:\/\/\S+\n$/);
    const client = new pg.Client({ connectionString: url.trim() });

    await client.connect();
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it("says what is wrong with a wrong call, and with a token's role", async () => {
    const running = inject("product");

    expect(await cli(running, "nonsense")).toMatchObject({ code: 2, stdout: "" });
    expect(await cli(running, "token", "create", "--role", "emperor", "--name", "x")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("--role is one of"),
    });
  });

  it("finds an installation well", async () => {
    const result = await cli(inject("product"), "doctor");

    expect(result.stdout).not.toContain("WRONG");
    expect(result.code).toBe(0);
  });
});
