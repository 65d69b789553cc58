import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import type { SandboxContext } from "./context";
import { SandboxError, systemErrorCode } from "./errors";
import { CLIENT_ID, clientSecret, issuerOf } from "./oidc/client";
import { instanceCrn } from "./resource-controller";
import { seededServiceIds } from "./seed";
import { syncDirectory } from "./store/journal";
import type { ResourceInstanceRecord } from "./store/model";
import { Vault } from "./store/vault";

const MANIFEST_FILE = "seed.json";

const serviceIdSchema = z.object({ serviceId: z.string(), apiKeyId: z.string() });
const keyManagerSchema = z.object({
  crn: z.string(),
  guid: z.string(),
  rootKeys: z.array(z.object({ id: z.string(), name: z.string() })),
});
const manifestSchema = z.object({
  accountId: z.string(),
  manager: serviceIdSchema,
  viewerOnly: serviceIdSchema,
  deployment: serviceIdSchema,
  administrator: serviceIdSchema,
  keyProtect: keyManagerSchema,
  hpcs: keyManagerSchema,
});
/** What there is in a sandbox, by identifiers; it holds no secret. */
export type Manifest = z.infer<typeof manifestSchema>;

/** A service ID with its API key in plain text. */
interface ServiceIdCredentials {
  serviceId: string;
  apiKey: string;
}

/** A key manager instance and the root keys that it was made with. */
interface KeyManagerCredentials {
  crn: string;
  guid: string;
  rootKeys: { id: string; name: string }[];
}

/** The client of the sign-in with OpenID Connect. */
interface OidcCredentials {
  issuer: string;
  clientId: string;
  clientSecret: string;
}

/** All that a client needs to use the sandbox. Secret: it holds API keys and a client secret. */
export interface SandboxCredentials {
  iamUrl: string;
  accountId: string;
  manager: ServiceIdCredentials;
  viewerOnly: ServiceIdCredentials;
  /** Acts for KMIP instances that an HPCS instance has authorized. */
  deployment: ServiceIdCredentials;
  /** Makes such authorizations. */
  administrator: ServiceIdCredentials;
  keyProtect: KeyManagerCredentials;
  hpcs: KeyManagerCredentials;
  oidc: OidcCredentials;
}

/** The manifest of the seeded records. */
export function describeSeed(context: SandboxContext): Manifest {
  const { store } = context;
  const missing = (what: string): SandboxError =>
    new SandboxError("SANDBOX_STORE_CORRUPT", `The sandbox's store has no ${what}, which it was made with.`);
  const account = store.list("account")[0];
  if (!account) {
    throw missing("account");
  }
  const identity = (name: string): Manifest["manager"] => {
    const serviceId = store.list("service-id").find((record) => record.name === name);
    const apiKey = store.list("api-key").find((record) => record.iamId === serviceId?.iamId);
    if (!serviceId || !apiKey) {
      throw missing(`service ID ${name}`);
    }
    return { serviceId: serviceId.id, apiKeyId: apiKey.id };
  };
  const keyManager = (serviceName: ResourceInstanceRecord["serviceName"]): KeyManagerCredentials => {
    const instance = store.list("resource-instance").find((record) => record.serviceName === serviceName);
    if (!instance) {
      throw missing(`${serviceName} instance`);
    }
    const rootKeys = (store.list("seed")[0]?.rootKeyIds ?? [])
      .flatMap((id) => store.keysOf(instance.guid).get(id) ?? [])
      .map(({ id, name }) => ({ id, name }));
    return { crn: instanceCrn(instance), guid: instance.guid, rootKeys };
  };

  return {
    accountId: account.id,
    manager: identity(seededServiceIds.manager),
    viewerOnly: identity(seededServiceIds.viewerOnly),
    deployment: identity(seededServiceIds.deployment),
    administrator: identity(seededServiceIds.administrator),
    keyProtect: keyManager("kms"),
    hpcs: keyManager("hs-crypto"),
  };
}

/** Adds the API keys, which are derived from the master key and stored nowhere. */
export function toCredentials(manifest: Manifest, vault: Vault, baseUrl: string): SandboxCredentials {
  const identity = ({ serviceId, apiKeyId }: Manifest["manager"]): ServiceIdCredentials => ({
    serviceId,
    apiKey: vault.deriveApiKey(apiKeyId),
  });

  return {
    iamUrl: baseUrl,
    accountId: manifest.accountId,
    manager: identity(manifest.manager),
    viewerOnly: identity(manifest.viewerOnly),
    deployment: identity(manifest.deployment),
    administrator: identity(manifest.administrator),
    keyProtect: manifest.keyProtect,
    hpcs: manifest.hpcs,
    oidc: { issuer: issuerOf(baseUrl), clientId: CLIENT_ID, clientSecret: clientSecret(vault) },
  };
}

/** Writes the manifest beside the store, for `readSandboxCredentials`; whole or not at all. */
export async function writeManifest(dataDir: string, manifest: Manifest): Promise<void> {
  const path = join(dataDir, MANIFEST_FILE);
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present === text) {
    return;
  }
  const draft = `${path}.draft`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncDirectory(dataDir);
}

/**
 * The credentials of a sandbox, read from its data folder. Works beside a running sandbox and changes nothing.
 *
 * @param options.dataDir the sandbox's data folder
 * @param options.baseUrl where the sandbox is served; becomes `iamUrl`
 * @throws SandboxError SANDBOX_NOT_SEEDED if no sandbox was ever started on the folder
 */
export async function readSandboxCredentials(options: {
  dataDir: string;
  baseUrl: string;
}): Promise<SandboxCredentials> {
  const path = join(options.dataDir, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") {
      throw error;
    }
    throw new SandboxError(
      "SANDBOX_NOT_SEEDED",
      `There is no sandbox in ${options.dataDir} yet. Start it once; the first start makes its account, keys and API keys.`,
    );
  }
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new SandboxError(
      "SANDBOX_STORE_CORRUPT",
      `${path} is damaged. Starting the sandbox writes it anew.`,
      {
        cause: error,
      },
    );
  }

  return toCredentials(manifest, await Vault.open(options.dataDir), options.baseUrl.replace(/\/+$/, ""));
}
