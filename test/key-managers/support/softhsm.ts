import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";
import { Secret } from "@/lib/ibm-cloud/secret";
import { createPkcs11, type Pkcs11 } from "@/lib/key-managers/pkcs11/adapter";
import { closeTokenProcesses, listModuleTokens } from "@/lib/key-managers/pkcs11/token-processes";
import { formatTokenUri } from "@/lib/key-managers/pkcs11/uri";
import type { WrappedKeyStore } from "@/lib/key-managers/wrapped-key-store";

const run = promisify(execFile);
const LIBRARY = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
].find((path) => existsSync(path));

/** SoftHSM is Debian's package softhsm2. In CI the tests run, and fail, without it. */
export const hasSoftHsm = LIBRARY !== undefined || Boolean(process.env.CI);

export const softhsm = { name: "softhsm", path: LIBRARY ?? "/usr/lib/softhsm/libsofthsm2.so" };

// The environment is read once, at its first use, which is after this module is loaded.
process.env.PKCS11_MODULES = `${softhsm.name}=${softhsm.path},missing=/nonexistent/libpkcs11.so`;

export type TestToken = {
  readonly uri: string;
  readonly label: string;
  readonly serial: string;
  readonly pin: string;
  /** An adapter with the token's PIN, or another. */
  connect(pin?: string, mayTryPin?: boolean): Pkcs11;
  /** The same with wrapped keys in a store. */
  connectTo(store: WrappedKeyStore): Pkcs11;
};

export type TestHsm = {
  /** SoftHSM's folder of tokens; moving it away is pulling the HSM's plug. */
  tokens: string;
  /** Makes a token of the test's own. */
  makeToken(label: string, pin?: string): Promise<TestToken>;
  close(): Promise<void>;
};

export const call = { correlationId: "11111111-2222-4333-8444-555555555555" };

/** A SoftHSM with a folder of its own, for this process and those that it starts. */
export async function makeSoftHsm(): Promise<TestHsm> {
  const before = process.env.SOFTHSM2_CONF;
  const folder = await mkdtemp(join(tmpdir(), "kmip-console-softhsm-"));
  const tokens = join(folder, "tokens");
  await mkdir(tokens);
  await writeFile(
    join(folder, "softhsm2.conf"),
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  process.env.SOFTHSM2_CONF = join(folder, "softhsm2.conf");

  async function makeToken(label: string, pin = "4711-and-more"): Promise<TestToken> {
    await run("softhsm2-util", [
      "--init-token",
      "--free",
      "--label",
      label,
      "--pin",
      pin,
      "--so-pin",
      "so-pin-of-tests",
    ]);
    const token = (await listModuleTokens(softhsm, call)).find((candidate) => candidate.label === label);

    if (!token) {
      throw new Error("The token was not made.");
    }

    const uri = formatTokenUri({ module: softhsm.name, label, serial: token.serial });

    return {
      uri,
      label,
      serial: token.serial,
      pin,
      connect: (other = pin, mayTryPin = true) =>
        createPkcs11({ uri, pin: new Secret(other), mayTryPin, modules: [softhsm] }),
      connectTo: (store) =>
        createPkcs11({
          uri: formatTokenUri({ module: softhsm.name, label, serial: token.serial, storage: "database" }),
          pin: new Secret(pin),
          modules: [softhsm],
          store,
        }),
    };
  }

  return {
    tokens,
    makeToken,
    async close() {
      closeTokenProcesses();

      if (before === undefined) {
        delete process.env.SOFTHSM2_CONF;
      } else {
        process.env.SOFTHSM2_CONF = before;
      }

      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A SoftHSM of the test file's own, made before its tests and removed after them. */
export function softHsmForTests(): TestHsm {
  const hsm = {} as TestHsm;

  beforeAll(async () => void Object.assign(hsm, await makeSoftHsm()));
  afterAll(() => hsm.close?.());

  return hsm;
}
