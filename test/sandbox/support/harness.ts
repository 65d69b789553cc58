import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";
import { z } from "zod";

import { createSandbox, type Sandbox, type SandboxOptions } from "../../../sandbox/index";

/** A temporary folder that is removed when the test has finished. */
export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sandbox-test-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));

  return dir;
}

/** Starts a sandbox on a free port, closed when the test has finished. */
export async function startSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const dataDir = options.dataDir ?? (await temporaryDir());
  const sandbox = await createSandbox({ host: "127.0.0.1", port: 0, ...options, dataDir });
  onTestFinished(() => sandbox.close());

  return sandbox;
}

const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number(), expiration: z.number() });

/** Exchanges an API key for a bearer token. */
export async function bearerOf(url: string, apiKey: string): Promise<string> {
  const response = await fetch(`${url}/identity/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "urn:ibm:params:oauth:grant-type:apikey", apikey: apiKey }),
  });

  return tokenSchema.parse(await response.json()).access_token;
}

const keySchema = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  state: z.number().optional(),
  payload: z.string().optional(),
});
export const envelopeSchema = z.object({
  metadata: z.object({
    collectionType: z.string(),
    collectionTotal: z.number(),
    totalCount: z.number().optional(),
  }),
  resources: z.array(keySchema).optional(),
});
const errorSchema = z.object({
  resources: z.tuple([
    z.object({ errorMsg: z.string(), reasons: z.array(z.looseObject({ code: z.string() })).optional() }),
  ]),
});
export const wrapSchema = z.object({
  plaintext: z.string().optional(),
  ciphertext: z.string().optional(),
  keyVersion: z.object({ id: z.string() }),
  rewrappedKeyVersion: z.object({ id: z.string() }).optional(),
});

interface KmsAnswer {
  status: number;
  headers: Headers;
  text: string;
  json: () => unknown;
  /** Reason code of a refusal; undefined if it has no reasons. */
  code: () => string | undefined;
  keys: () => z.infer<typeof keySchema>[];
  key: () => z.infer<typeof keySchema>;
}

interface KmsRequest {
  body?: unknown;
  headers?: Record<string, string>;
}

export type Kms = (method: string, path: string, request?: KmsRequest) => Promise<KmsAnswer>;

export const KEY_TYPE = "application/vnd.ibm.kms.key+json";

/** The body that makes a key. */
export function newKey(resource: Record<string, unknown>): unknown {
  return {
    metadata: { collectionType: KEY_TYPE, collectionTotal: 1 },
    resources: [{ type: KEY_TYPE, ...resource }],
  };
}

/** A plain client of one key manager instance, by `fetch`. */
export async function kmsClient(
  sandbox: Sandbox,
  options: { as?: "manager" | "viewerOnly"; service?: "keyProtect" | "hpcs" } = {},
): Promise<Kms> {
  const credentials = sandbox.credentials();
  const token = await bearerOf(sandbox.url, credentials[options.as ?? "manager"].apiKey);
  const { guid } = credentials[options.service ?? "keyProtect"];
  const base = options.service === "hpcs" ? `/hpcs/${guid}` : "/key-protect/us-south";

  return async (method, path, { body, headers } = {}) => {
    const response = await fetch(`${sandbox.url}${base}/api/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "bluemix-instance": guid, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = (): unknown => JSON.parse(text);
    const keys = () => envelopeSchema.parse(json()).resources ?? [];

    return {
      status: response.status,
      headers: response.headers,
      text,
      json,
      keys,
      code: () => errorSchema.parse(json()).resources[0].reasons?.[0]?.code,
      key: () => {
        const key = keys()[0];
        if (!key) {
          throw new Error(`no key in ${text}`);
        }
        return key;
      },
    };
  };
}

/** Every file below a folder, with its content. */
export async function filesBelow(dir: string): Promise<{ path: string; content: Buffer }[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });

  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return { path, content: await readFile(path) };
      }),
  );
}

/** A clock that stands still until a test moves it. */
export function manualClock(start = Date.parse("2026-03-01T00:00:00Z")) {
  let time = start;

  return {
    now: () => time,
    advance: (milliseconds: number) => {
      time += milliseconds;
    },
  };
}
