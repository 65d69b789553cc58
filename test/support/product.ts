import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const START_TIMEOUT_MS = 180_000;

export type SandboxAccess = {
  readonly iamUrl: string;
  readonly accountId: string;
  readonly manager: { readonly serviceId: string; readonly apiKey: string };
  readonly viewerOnly: { readonly serviceId: string; readonly apiKey: string };
  /** Makes authorizations between services. */
  readonly administrator: { readonly serviceId: string; readonly apiKey: string };
  readonly keyProtect: {
    readonly crn: string;
    readonly guid: string;
    readonly rootKeys: readonly { id: string; name: string }[];
  };
  readonly hpcs: {
    readonly crn: string;
    readonly guid: string;
    readonly rootKeys: readonly { id: string; name: string }[];
  };
};

/** Settings that find the same product again from another process (Playwright's workers). */
export type ProductSettings = { readonly dataDir: string; readonly env: { readonly [name: string]: string } };

/** A whole `npm start` on free ports with a folder of its own. */
export type Product = ProductSettings & {
  readonly consoleUrl: string;
  readonly kmip: readonly { readonly host: string; readonly port: number }[];
  readonly admin: { readonly email: string; readonly password: string };
  readonly process: ChildProcess;
  /** All that it printed so far. */
  stdout(): string;
  stderr(): string;
  /** SIGTERM; resolves with exit code and duration. Keeps the data. */
  stop(): Promise<{ code: number | null; ms: number }>;
  /** Stops and removes the data. */
  destroy(): Promise<void>;
};

/** Free TCP ports of 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();

          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();

    if (!address || typeof address === "string") {
      throw new Error("no port");
    }

    return address.port;
  });

  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));

  return ports;
}

/**
 * First of so many free ports in a row. They are below those that the system gives to outgoing connections and to
 * listeners that do not care, so that nobody takes one of them meanwhile.
 */
export async function freePortRange(size: number): Promise<number> {
  for (;;) {
    const first = 10_240 + Math.floor(Math.random() * 22_000);
    const servers = Array.from({ length: size }, () => createServer());
    const bound = await Promise.allSettled(
      servers.map(
        (server, index) =>
          new Promise<void>((resolve, reject) => {
            server.once("error", reject).listen(first + index, "127.0.0.1", resolve);
          }),
      ),
    );

    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));

    if (bound.every(({ status }) => status === "fulfilled")) {
      return first;
    }
  }
}

/** Environment of a fresh product: free ports, a new folder, a known administrator. */
export async function productSettings(overrides: { [name: string]: string } = {}): Promise<ProductSettings> {
  const [web, zone1, zone2, sandbox] = await freePorts(4);
  const dedicated = await freePortRange(4);
  const dataDir = overrides.DATA_DIR ?? mkdtempSync(join(tmpdir(), "kmip-console-product-"));

  return {
    dataDir,
    env: {
      PORT: String(web),
      KMIP_PORTS: `${zone1},${zone2}`,
      KMIP_DEDICATED_PORTS: `${dedicated}-${dedicated + 3}`,
      SANDBOX_PORT: String(sandbox),
      DATA_DIR: dataDir,
      REWRAP_PER_SECOND: "1000",
      ADMIN_EMAIL: "admin@example.com",
      ADMIN_PASSWORD: "correct horse battery staple",
      ...overrides,
    },
  };
}

function childEnvironment(env: { readonly [name: string]: string }): NodeJS.ProcessEnv {
  // What a test runner sets for itself is not the product's business.
  const {
    NODE_ENV: _mode,
    VITEST: _vitest,
    NODE_OPTIONS: _options,
    FORCE_COLOR: _color,
    ...rest
  } = process.env;

  return { ...rest, ...env } as NodeJS.ProcessEnv;
}

/** Starts and waits for the `ready` line, or for the end of a start that fails. */
export async function runStart(
  settings: ProductSettings,
): Promise<{ product: Product | null; code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(root, "scripts/start.mjs")], {
    cwd: root,
    env: childEnvironment(settings.env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const ready = new Promise<RegExpExecArray>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;

      const line = /^ready console=(\S+) kmip=(\S+)$/m.exec(stdout);

      if (line) {
        resolve(line);
      }
    });
  });

  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });

  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const result = await Promise.race([ready, exited]);

  clearTimeout(timer);

  if (result === null || typeof result === "number") {
    return { product: null, code: result, stdout, stderr };
  }

  const stop = async (): Promise<{ code: number | null; ms: number }> => {
    const begun = Date.now();

    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
    }

    return { code: await exited, ms: Date.now() - begun };
  };

  const product: Product = {
    ...settings,
    consoleUrl: result[1] ?? "",
    kmip: (result[2] ?? "").split(",").map((part) => {
      const [host = "", port = ""] = part.split(":");

      return { host, port: Number(port) };
    }),
    admin: { email: settings.env.ADMIN_EMAIL ?? "", password: settings.env.ADMIN_PASSWORD ?? "" },
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    stop,
    async destroy() {
      await stop();
      rmSync(settings.dataDir, { recursive: true, force: true });
    },
  };

  return { product, code: null, stdout, stderr };
}

/** Starts a product that is expected to come up. */
export async function startProduct(overrides: { [name: string]: string } = {}): Promise<Product> {
  const { product, code, stdout, stderr } = await runStart(await productSettings(overrides));

  if (!product) {
    throw new Error(`npm start ended with code ${code}\n${stdout}\n${stderr}`);
  }

  return product;
}

/** Runs the command line beside a product. */
export function cli(
  settings: ProductSettings,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "scripts/cli.mjs"), ...args],
      { cwd: root, env: childEnvironment(settings.env), maxBuffer: 1 << 26 },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === "number" ? error.code : error ? 1 : 0, stdout, stderr }),
    );
  });
}

/** The sandbox's sample accounts, as the command line tells them. */
export async function sandboxAccess(settings: ProductSettings): Promise<SandboxAccess> {
  const { stdout, stderr, code } = await cli(settings, "sandbox", "credentials");

  if (code !== 0) {
    throw new Error(stderr);
  }

  return JSON.parse(stdout) as SandboxAccess;
}

/** A REST client with an API token of the role. */
export async function apiClient(
  settings: ProductSettings & { readonly consoleUrl: string },
  role: "viewer" | "auditor" | "operator" | "administrator" = "administrator",
): Promise<
  (
    method: string,
    path: string,
    body?: unknown,
    headers?: { [name: string]: string },
  ) => Promise<{ status: number; body: unknown; headers: Headers }>
> {
  const { stdout, stderr, code } = await cli(
    settings,
    "token",
    "create",
    "--role",
    role,
    "--name",
    `test ${role}`,
  );

  if (code !== 0) {
    throw new Error(stderr);
  }

  const token = stdout.trim();

  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${settings.consoleUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();

    return {
      status: response.status,
      body: text && /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text,
      headers: response.headers,
    };
  };
}

/** Calls the sandbox's Key Protect directly, as the owner of the root key would, past KMIP Console. */
export async function keyProtect(
  access: SandboxAccess,
  method: string,
  path: string,
  options: { readonly guid?: string; readonly body?: unknown } = {},
): Promise<{
  status: number;
  body: { resources?: { id: string; name: string; extractable: boolean; state: number }[] };
}> {
  const token = (await (
    await fetch(`${access.iamUrl}/identity/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        grant_type: "urn:ibm:params:oauth:grant-type:apikey",
        apikey: access.manager.apiKey,
      }),
    })
  ).json()) as { access_token: string };
  const guid = options.guid ?? access.keyProtect.guid;
  const authorization = `Bearer ${token.access_token}`;
  const instance = (await (
    await fetch(`${access.iamUrl}/v2/resource_instances/${guid}`, { headers: { authorization } })
  ).json()) as { extensions: { endpoints: { public: string } } };
  const response = await fetch(`${instance.extensions.endpoints.public}/api/v2${path}`, {
    method,
    headers: {
      authorization,
      "bluemix-instance": guid,
      ...(options.body ? { "content-type": "application/json" } : {}),
    },
    ...(options.body ? { body: JSON.stringify(options.body) } : {}),
  });
  const text = await response.text();

  return { status: response.status, body: text ? JSON.parse(text) : {} };
}
