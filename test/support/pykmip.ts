import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestCertificate } from "./certificates";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("../kmip/pykmip_client.py", import.meta.url));
const SUITE = fileURLToPath(new URL("../clients/pykmip_suite.py", import.meta.url));

/** True when Debian's python3-pykmip is here and its Python still has what it needs. */
export function isPykmipInstalled(): boolean {
  try {
    execFileSync(PYTHON, ["-c", "import kmip, ssl; ssl.wrap_socket"], { stdio: "ignore" });

    return true;
  } catch {
    return false;
  }
}

/** What the script reports of a key's life, or of the error that ended it. */
export type PykmipOutcome = {
  readonly identifier?: string;
  readonly name?: string;
  readonly error?: string;
  readonly list?: readonly string[];
  readonly attributes?: { readonly [name: string]: string };
  readonly revoked?: string;
};

/** What one of our scripts is told. */
export type PykmipOptions = {
  readonly host: string;
  readonly port: number;
  readonly certificate: TestCertificate;
  /** PEM that the client checks the server by. */
  readonly ca: string;
  readonly version: string;
  readonly tls: "1.2" | "any";
};

/** Takes a key through its life with PyKMIP's client, mutual TLS included. */
export const runPykmip = async (options: PykmipOptions): Promise<PykmipOutcome> =>
  (await run(SCRIPT, options)) as PykmipOutcome;

/** What became of each check of PyKMIP's suite: null, or where it failed. */
export const runPykmipSuite = async (
  options: PykmipOptions,
): Promise<{ readonly [check: string]: string | null }> =>
  (await run(SUITE, options)) as { readonly [check: string]: string | null };

/** Runs a script with PyKMIP's client, and reads its last line. */
async function run(script: string, options: PykmipOptions): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "kmip-console-pykmip-"));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });

    return join(folder, name);
  };

  try {
    const { stdout } = await promisify(execFile)(
      PYTHON,
      [
        "-W",
        "ignore",
        script,
        options.host,
        String(options.port),
        file("client.pem", options.certificate.certPem),
        file("client.key", options.certificate.keyPem),
        file("ca.pem", options.ca),
        options.version,
        options.tls,
      ],
      { env: { ...process.env, HOME: folder } },
    );

    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null") as unknown;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
