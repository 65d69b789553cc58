/**
 * What the bench can start for itself, all of it on the loopback interface: the product, PyKMIP's server, and a
 * bare TLS server.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fingerprint } from "@/lib/kmip/transport/failed-handshakes";
import { createAuthority, issueServerCertificate } from "@/lib/x509";
import { createSelfSigned } from "../../test/support/certificates";
import { apiClient, cli, freePorts, sandboxAccess, startProduct } from "../../test/support/product";
import { type Endpoint, Wire } from "./driver";

export type Target = {
  readonly endpoint: Endpoint;
  /** The process at the root of what was started. */
  readonly pid: number | undefined;
  close(): Promise<void>;
};

const PYTHON = "/usr/bin/python3";
const PYKMIP_SERVER = "/usr/bin/pykmip-server";
const PATIENCE_MS = 20_000;

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve();
  }
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

async function stop(child: ChildProcess, signal = (name: NodeJS.Signals) => child.kill(name)): Promise<void> {
  signal("SIGTERM");
  const kill = setTimeout(() => signal("SIGKILL"), 5_000);
  await ended(child);
  clearTimeout(kill);
}

/** Signals a process that leads a group, and all of the group that is left. */
function signalGroup(child: ChildProcess, name: NodeJS.Signals): boolean {
  try {
    return child.pid !== undefined && process.kill(-child.pid, name);
  } catch {
    return false;
  }
}

/** A product of the bench's own. */
export type ProductTarget = Target & {
  /** Orders another instance, with a client certificate of its own. */
  order(name: string): Promise<{ readonly endpoint: Endpoint; readonly certificateSha256: string }>;
  /** Where its PostgreSQL listens. */
  databaseUrl(): Promise<string>;
};

/**
 * A whole `npm start` with the sandbox and one ordered instance that remembers material for a minute.
 *
 * @param profile an existing folder in which its processes leave CPU profiles when they end
 */
export async function startProductTarget(profile: string | undefined): Promise<ProductTarget> {
  const product = await startProduct(
    profile === undefined
      ? {}
      : {
          NODE_OPTIONS: `--require=${fileURLToPath(new URL("profile.cjs", import.meta.url))}`,
          KMIP_BENCH_PROFILE: profile,
        },
  );
  try {
    const [access, api] = await Promise.all([sandboxAccess(product), apiClient(product)]);
    const [zone] = product.kmip;
    if (zone === undefined) {
      throw new Error("the product has no endpoint");
    }
    const order = async (name: string) => {
      const { certPem, keyPem } = await createSelfSigned({ commonName: name, keyType: "ec" });
      const { status, body } = await api("POST", "/instances", {
        name,
        region: "us-south",
        keyManager: {
          kind: "key-protect",
          apiKey: access.manager.apiKey,
          crn: access.keyProtect.crn,
          crkId: access.keyProtect.rootKeys[0]?.id,
        },
        clientCertificates: [{ name, pem: certPem }],
        cachePolicy: { cacheTtlSeconds: 60, outageGraceSeconds: 0 },
      });
      if (status !== 202) {
        throw new Error(`the order was answered with ${status}: ${JSON.stringify(body)}`);
      }
      const endpoint = { ...zone, cert: certPem, key: keyPem };
      await untilServing(endpoint);
      return { endpoint, certificateSha256: fingerprint(new X509Certificate(certPem).fingerprint256) };
    };
    const { endpoint } = await order("bench");
    return {
      endpoint,
      pid: product.process.pid,
      order,
      databaseUrl: async () => (await cli(product, "database", "url")).stdout.trim(),
      close: () => product.destroy(),
    };
  } catch (error) {
    await product.destroy();
    throw error;
  }
}

/** Waits until an endpoint takes a connection. @throws Error when it does not in time */
async function untilServing(endpoint: Endpoint, gaveUp: () => boolean = () => false): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      (await Wire.open(endpoint)).close();
      return;
    } catch (error) {
      if (Date.now() > deadline || gaveUp()) {
        throw error;
      }
      await pause(100);
    }
  }
}

/** True where Debian's python3-pykmip is installed. */
export const isPykmipThere = (): boolean => existsSync(PYKMIP_SERVER) && existsSync(PYTHON);

/** PyKMIP's server with a configuration, certificates and a database of its own. */
export async function startPykmipTarget(): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "kmip-bench-pykmip-"));
  const [port = 0] = await freePorts(1);
  const [server, client] = await Promise.all([
    createSelfSigned({
      commonName: "pykmip",
      keyType: "rsa",
      alternativeNames: [{ type: "ip", value: "127.0.0.1" }],
    }),
    createSelfSigned({ commonName: "bench", keyType: "rsa" }),
  ]);
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  mkdirSync(join(folder, "policy"));
  const settings = {
    hostname: "127.0.0.1",
    port,
    certificate_path: file("server.pem", server.certPem),
    key_path: file("server.key", server.keyPem),
    ca_path: file("clients.pem", client.certPem),
    auth_suite: "TLS1.2",
    policy_path: join(folder, "policy"),
    // It would ask for an extended key usage that self-signed certificates of VMware do not have.
    enable_tls_client_auth: "False",
    database_path: join(folder, "keys.db"),
    logging_level: "WARNING",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const configuration = file("server.conf", `[server]\n${lines.join("\n")}\n`);
  const child = spawn(
    PYTHON,
    ["-W", "ignore", PYKMIP_SERVER, "-f", configuration, "-l", join(folder, "server.log")],
    {
      cwd: folder,
      env: { ...process.env, HOME: folder },
      stdio: ["ignore", "ignore", "pipe"],
      // A group of its own: it leaves a helper behind when it ends, which holds on to our pipe.
      detached: true,
    },
  );
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const close = async () => {
    await stop(child, (name) => signalGroup(child, name));
    signalGroup(child, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  const endpoint = { host: "127.0.0.1", port, cert: client.certPem, key: client.keyPem };
  try {
    await untilServing(endpoint, () => child.exitCode !== null);
    return { endpoint, pid: child.pid, close };
  } catch (error) {
    await close();
    throw new Error(`PyKMIP's server did not start: ${complaint}`, { cause: error });
  }
}

async function bareCertificate(options: {
  readonly keyType: "rsa" | "ec";
  readonly certificates: number;
}): Promise<{ cert: string; key: string }> {
  if (options.certificates < 2) {
    const { certPem, keyPem } = await createSelfSigned({ commonName: "bare", keyType: options.keyType });
    return { cert: certPem, key: keyPem };
  }
  const authority = await createAuthority({ commonName: "bare authority", keyType: options.keyType });
  const server = await issueServerCertificate({ authority, hosts: ["127.0.0.1"], keyType: options.keyType });
  return { cert: `${server.certificatePem}\n${authority.certificatePem}`, key: server.privateKeyPem };
}

/** A bare TLS server with certificates of the same kind as the endpoint's, and answers of the same size. */
export async function startBareTarget(options: {
  readonly client: Pick<Endpoint, "cert" | "key">;
  readonly keyType: "rsa" | "ec";
  /** Two for one of an authority, with it: they cost either side of a handshake more than one that signed itself. */
  readonly certificates: number;
  readonly requestBytes: number;
  readonly response: Buffer;
}): Promise<Target> {
  const { cert, key } = await bareCertificate(options);
  const child = fork(fileURLToPath(new URL("bare-server.mjs", import.meta.url)), { execArgv: [] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(Number(message)));
    child.once("exit", () => reject(new Error("the bare server ended")));
    child.send({
      cert,
      key,
      requestBytes: options.requestBytes,
      response: options.response.toString("base64"),
    });
  });
  return {
    endpoint: { host: "127.0.0.1", port, cert: options.client.cert, key: options.client.key },
    pid: child.pid,
    close: () => stop(child),
  };
}
