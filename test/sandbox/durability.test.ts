import { spawn } from "node:child_process";
import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { createSandbox, readSandboxCredentials } from "../../sandbox/index";
import { encodeLine, JournalWriter, readJournal } from "../../sandbox/store/journal";
import {
  bearerOf,
  filesBelow,
  type Kms,
  kmsClient,
  newKey,
  startSandbox,
  temporaryDir,
  wrapSchema,
} from "./support/harness";

const RUNNER = fileURLToPath(new URL("support/run-sandbox.ts", import.meta.url));
const startedSchema = z.object({ url: z.string().optional(), error: z.string().optional() });

/** Starts a sandbox in a process of its own; resolves with its first line of output. */
async function spawnSandbox(dataDir: string, compactAfterBytes = 8_388_608) {
  const child = spawn(process.execPath, ["--import", "tsx", RUNNER, dataDir, String(compactAfterBytes)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`exited with ${code} and said nothing`)));
  });

  return {
    ...startedSchema.parse(JSON.parse(line)),
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function createStandard(kms: Kms, name: string): Promise<string> {
  const payload = Buffer.from(`payload of ${name}`).toString("base64");
  const answer = await kms("POST", "/keys", { body: newKey({ name, extractable: true, payload }) });
  expect(answer.status).toBe(201);

  return answer.key().id;
}

async function payloadOf(kms: Kms, id: string): Promise<string> {
  return Buffer.from((await kms("GET", `/keys/${id}`)).key().payload ?? "", "base64").toString();
}

async function journalsOf(dataDir: string): Promise<string[]> {
  const names = await readdir(join(dataDir, "store"));

  return names.filter((name) => name.startsWith("journal-")).map((name) => join(dataDir, "store", name));
}

describe("restarts", () => {
  test("keys, versions, rings, policies and credentials are there again", async () => {
    const dataDir = await temporaryDir();
    const before = await startSandbox({ dataDir });
    const kms = await kmsClient(before);
    const { rootKeys } = before.credentials().keyProtect;
    const root = rootKeys[0]?.id;
    const id = await createStandard(kms, "kept");
    const wrapped = wrapSchema.parse(
      (await kms("POST", `/keys/${root}/actions/wrap`, { body: { aad: ["x"] } })).json(),
    );
    await kms("POST", `/keys/${root}/actions/rotate`);
    await kms("POST", `/keys/${rootKeys[1]?.id}/actions/disable`);
    await kms("POST", "/key_rings/extra");
    const credentials = before.credentials();
    await before.close();

    const after = await startSandbox({ dataDir });
    const again = await kmsClient(after);

    // Where it listens is another matter.
    const withoutUrls = (all: typeof credentials) => ({
      ...all,
      iamUrl: "",
      oidc: { ...all.oidc, issuer: "" },
    });

    expect(withoutUrls(after.credentials())).toEqual(withoutUrls(credentials));
    expect(await payloadOf(again, id)).toBe("payload of kept");
    const body = { ciphertext: wrapped.ciphertext, aad: ["x"] };
    const unwrapped = wrapSchema.parse(
      (await again("POST", `/keys/${root}/actions/unwrap`, { body })).json(),
    );
    expect(unwrapped.plaintext).toBe(wrapped.plaintext);
    expect(unwrapped.rewrappedKeyVersion).toBeDefined();
    expect((await again("GET", `/keys/${rootKeys[1]?.id}/metadata`)).key().state).toBe(2);
    expect((await again("GET", "/key_rings")).keys().map((ring) => ring.id)).toEqual([
      "default",
      "vmware",
      "extra",
    ]);
    expect((await again("GET", "/keys")).keys()).toHaveLength(3);
  });

  test("a token of before is still good after", async () => {
    const dataDir = await temporaryDir();
    const before = await startSandbox({ dataDir });
    const { manager } = before.credentials();
    const token = await bearerOf(before.url, manager.apiKey);
    await before.close();

    const after = await startSandbox({ dataDir });
    const answer = await fetch(`${after.url}/v2/resource_instances`, {
      headers: { authorization: `Bearer ${token}` },
    });

    expect(answer.status).toBe(200);
  });

  test("compaction while requests run loses nothing and leaves one journal", async () => {
    const dataDir = await temporaryDir();
    const sandbox = await startSandbox({ dataDir, compactAfterBytes: 20_000 });
    const kms = await kmsClient(sandbox);

    const names = Array.from({ length: 200 }, (_, index) => `compacted-${index}`);
    const ids = await Promise.all(names.map((name) => createStandard(kms, name)));
    await Promise.all(ids.slice(0, 50).map((id) => kms("DELETE", `/keys/${id}`)));
    await sandbox.close();

    expect((await readdir(join(dataDir, "store"))).some((name) => name.startsWith("snapshot-"))).toBe(true);
    expect(await journalsOf(dataDir)).toHaveLength(1);
    const again = await kmsClient(await startSandbox({ dataDir }));
    expect(
      (await again("GET", "/keys?extractable=true"))
        .keys()
        .map((key) => key.id)
        .sort(),
    ).toEqual(ids.slice(50).sort());
    expect(await payloadOf(again, ids[120] ?? "")).toBe("payload of compacted-120");
  });
});

describe("crashes", () => {
  test.each([8_388_608, 30_000])(
    "no acknowledged key is lost by kill -9 under load (journal of %i bytes)",
    async (compactAfterBytes) => {
      const dataDir = await temporaryDir();
      const acknowledged = new Map<string, string>();
      for (let round = 0; round < 2; round += 1) {
        const child = await spawnSandbox(dataDir, compactAfterBytes);
        const credentials = await readSandboxCredentials({ dataDir, baseUrl: child.url ?? "" });
        const token = await bearerOf(credentials.iamUrl, credentials.manager.apiKey);
        let killed = false;
        const worker = async (worker: number): Promise<void> => {
          for (let index = 0; !killed; index += 1) {
            const name = `r${round}-w${worker}-${index}`;
            try {
              const response = await fetch(`${child.url}/key-protect/us-south/api/v2/keys`, {
                method: "POST",
                headers: {
                  authorization: `Bearer ${token}`,
                  "bluemix-instance": credentials.keyProtect.guid,
                },
                body: JSON.stringify(
                  newKey({
                    name,
                    extractable: true,
                    payload: Buffer.from(`payload of ${name}`).toString("base64"),
                  }),
                ),
              });
              const body = z
                .object({ resources: z.tuple([z.object({ id: z.string() })]) })
                .parse(await response.json());
              acknowledged.set(body.resources[0].id, name);
            } catch {
              return;
            }
            if (acknowledged.size >= (round + 1) * 300 && !killed) {
              killed = true;
              await child.kill();
            }
          }
        };
        await Promise.all(Array.from({ length: 8 }, (_, index) => worker(index)));
      }

      const kms = await kmsClient(await startSandbox({ dataDir }));
      const present = new Map(
        (await kms("GET", "/keys?extractable=true&limit=5000")).keys().map((key) => [key.id, key.name]),
      );
      expect(acknowledged.size).toBeGreaterThanOrEqual(600);
      expect([...acknowledged].filter(([id, name]) => present.get(id) !== name)).toEqual([]);
      for (const [id, name] of [...acknowledged].slice(-20)) {
        expect(await payloadOf(kms, id)).toBe(`payload of ${name}`);
      }
    },
    120_000,
  );

  test("a second sandbox on the folder is refused; a killed one leaves no lock", async () => {
    const dataDir = await temporaryDir();
    const first = await spawnSandbox(dataDir);

    await expect(createSandbox({ dataDir, host: "127.0.0.1", port: 0 })).rejects.toMatchObject({
      code: "SANDBOX_DATA_DIR_LOCKED",
    });
    expect((await spawnSandbox(dataDir)).error).toBe("SANDBOX_DATA_DIR_LOCKED");
    await first.kill();
    const second = await startSandbox({ dataDir });
    await expect(createSandbox({ dataDir, host: "127.0.0.1", port: 0 })).rejects.toMatchObject({
      code: "SANDBOX_DATA_DIR_LOCKED",
    });
    expect(second.url).toMatch(/^http/);
  });

  test("a journal cut anywhere in its last line is read up to it, and written on", async () => {
    const dataDir = await temporaryDir();
    const sandbox = await startSandbox({ dataDir });
    const kms = await kmsClient(sandbox);
    const kept = await createStandard(kms, "kept");
    await sandbox.close();
    const [journal = ""] = await journalsOf(dataDir);
    const { size } = await stat(journal);
    await appendFile(journal, encodeLine('[["key","x",null]]').slice(0, 17));

    const again = await startSandbox({ dataDir });
    const kms2 = await kmsClient(again);
    expect((await stat(journal)).size).toBe(size);
    const added = await createStandard(kms2, "added");
    await again.close();
    await truncate(journal, (await stat(journal)).size - 1);

    const last = await kmsClient(await startSandbox({ dataDir }));
    expect(await payloadOf(last, kept)).toBe("payload of kept");
    expect((await last("GET", `/keys/${added}`)).status).toBe(404);
  });

  test("damage in the middle is refused, not read over", async () => {
    const dataDir = await temporaryDir();
    const sandbox = await startSandbox({ dataDir });
    const kms = await kmsClient(sandbox);
    await createStandard(kms, "one");
    await createStandard(kms, "two");
    await sandbox.close();
    const [journal = ""] = await journalsOf(dataDir);
    const bytes = await readFile(journal);
    const lastLine = bytes.lastIndexOf(0x0a, bytes.length - 2);
    bytes[lastLine - 20] = (bytes[lastLine - 20] ?? 0) ^ 1;
    await writeFile(journal, bytes);

    await expect(createSandbox({ dataDir, host: "127.0.0.1", port: 0 })).rejects.toMatchObject({
      code: "SANDBOX_STORE_CORRUPT",
    });
  });

  test("without its master key a store is refused, and no new key is made", async () => {
    const dataDir = await temporaryDir();
    await (await startSandbox({ dataDir })).close();
    await rm(join(dataDir, "master.key"));

    await expect(createSandbox({ dataDir, host: "127.0.0.1", port: 0 })).rejects.toMatchObject({
      code: "SANDBOX_MASTER_KEY_MISSING",
    });
    await writeFile(join(dataDir, "master.key"), `${"00".repeat(32)}\n`);
    await expect(createSandbox({ dataDir, host: "127.0.0.1", port: 0 })).rejects.toMatchObject({
      code: "SANDBOX_STORE_CORRUPT",
    });
  });
});

describe("the journal", () => {
  test("every cut of a journal gives a beginning of its lines", async () => {
    const path = join(await temporaryDir(), "journal");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.json(), { maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (texts, share) => {
          const whole = Buffer.from(texts.map(encodeLine).join(""));
          await writeFile(path, whole.subarray(0, Math.floor(whole.length * share)));

          const read: string[] = [];
          const { goodBytes } = await readJournal(path, (text) => read.push(text));

          expect(read).toEqual(texts.slice(0, read.length));
          expect(goodBytes).toBe(Buffer.byteLength(read.map(encodeLine).join("")));
        },
      ),
    );
  });

  test("settled() is fulfilled when the lines are in the file, and concurrent lines keep their order", async () => {
    const path = join(await temporaryDir(), "journal");
    const writer = await JournalWriter.open(path);
    const expected = Array.from({ length: 500 }, (_, index) => `line ${index}`);
    await Promise.all(
      expected.map(async (text) => {
        writer.append(text);
        await writer.settled();
        expect((await readFile(path, "utf8")).includes(`${text}\n`)).toBe(true);
      }),
    );
    await writer.close();

    const read: string[] = [];
    await readJournal(path, (text) => read.push(text));
    expect(read).toEqual(expected);
  });
});

describe("secrets at rest", () => {
  test("no file holds an API key, a root key or a payload, and all are for the owner only", async () => {
    const dataDir = await temporaryDir();
    const sandbox = await startSandbox({ dataDir, compactAfterBytes: 10_000 });
    const kms = await kmsClient(sandbox);
    const { manager, viewerOnly } = sandbox.credentials();
    const payload = Buffer.from("0123456789abcdef-standard-key-payload");
    const material = Buffer.from("root-key-material-of-32-bytes-ok");
    for (let index = 0; index < 20; index += 1) {
      await kms("POST", "/keys", {
        body: newKey({ name: "standard", extractable: true, payload: payload.toString("base64") }),
      });
      await kms("POST", "/keys", {
        body: newKey({ name: "root", extractable: false, payload: material.toString("base64") }),
      });
    }
    await sandbox.close();

    const secrets = [manager.apiKey, viewerOnly.apiKey, payload, material].flatMap((secret) => {
      const bytes = Buffer.from(secret);
      return [
        bytes,
        Buffer.from(bytes.toString("base64").replace(/.=*$/, "")),
        Buffer.from(bytes.toString("hex")),
      ];
    });
    const files = await filesBelow(dataDir);
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const { path, content } of files) {
      expect(secrets.some((secret) => content.includes(secret))).toBe(false);
      expect((await stat(path)).mode & 0o077).toBe(0);
    }
  });
});

describe("credentials", () => {
  test("are read beside a running sandbox", async () => {
    const dataDir = await temporaryDir();
    const sandbox = await startSandbox({ dataDir });

    const credentials = await readSandboxCredentials({ dataDir, baseUrl: `${sandbox.url}/` });

    expect(credentials).toEqual(sandbox.credentials());
    expect(credentials.keyProtect.rootKeys).toHaveLength(2);
    expect(credentials.hpcs.rootKeys).toHaveLength(1);
    await expect(bearerOf(credentials.iamUrl, credentials.viewerOnly.apiKey)).resolves.toMatch(/^ey/);
  });

  test("of a folder without a sandbox are refused, and nothing is made", async () => {
    const dataDir = await temporaryDir();

    await expect(readSandboxCredentials({ dataDir, baseUrl: "http://127.0.0.1:1" })).rejects.toMatchObject({
      code: "SANDBOX_NOT_SEEDED",
      message: expect.stringContaining("Start it once"),
    });
    expect(await readdir(dataDir)).toEqual([]);
  });
});
