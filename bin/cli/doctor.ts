import { X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { KEY_TYPES, loadTlsIdentity } from "@/lib/core/endpoints";
import { refusedEndpoints } from "@/lib/core/key-managers/refused-endpoints";
import { ensureMasterKey } from "@/lib/core/secrets";
import type { Database } from "@/lib/db";
import { isMigrated, readMigrations } from "@/lib/db/migrate";
import type { Env } from "@/lib/env";
import { deploymentApiKey } from "@/lib/key-managers/hpcs/deployment-identity";

const CONNECT_MS = 3_000;

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });

    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => {
      socket.destroy();
      reject(new Error("no answer in 3 s"));
    });
    socket.once("error", reject);
  });
}

async function reachHttp(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(CONNECT_MS) });

  if (!response.ok) {
    throw new Error(`${url} answers ${response.status}: ${(await response.text()).slice(0, 300)}`);
  }
}

/** @throws Error with what OUTBOUND_ALLOW lacks for instances that are there */
async function requireAllowedEndpoints(): Promise<void> {
  const refused = await refusedEndpoints();

  if (refused.length > 0) {
    const hosts = [...new Set(refused.map(({ host }) => host))];
    throw new Error(
      `${refused.length} instances cannot reach theirs: OUTBOUND_ALLOW does not name ${hosts.join(", ")} (instance ${refused[0]?.id})`,
    );
  }
}

/**
 * Looks at everything an installation needs and prints a line for each.
 * @returns exit code: 0 when all is well
 */
export async function doctor(
  settings: Env,
  print: (line: string) => void,
  database: () => Database,
): Promise<number> {
  let wrong = 0;

  async function check(what: string, work: () => unknown): Promise<void> {
    try {
      const detail = await work();

      print(`ok    ${what}${typeof detail === "string" ? `: ${detail}` : ""}`);
    } catch (error) {
      wrong += 1;
      print(
        `WRONG ${what}: ${error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error)}`,
      );
    }
  }

  // dist/ and bin/cli/ are both below the root, the one by one folder, the other by two.
  const here = dirname(fileURLToPath(import.meta.url));
  const root =
    [dirname(here), dirname(dirname(here))].find((folder) => existsSync(join(folder, "prisma/migrations"))) ??
    here;

  await check("DATA_DIR", () => {
    accessSync(settings.DATA_DIR, constants.R_OK | constants.W_OK | constants.X_OK);

    return settings.DATA_DIR;
  });
  await check("master key", () => {
    if (!existsSync(settings.masterKeyFile)) {
      throw new Error(`${settings.masterKeyFile} is missing`);
    }

    ensureMasterKey(settings.masterKeyFile);

    return `${settings.masterKeyFile}, mode ${(statSync(settings.masterKeyFile).mode & 0o777).toString(8)}`;
  });
  await check("database", async () => {
    const { rows } = await database().pool.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );

    return `PostgreSQL ${rows[0]?.version}${settings.DATABASE_URL ? "" : ", embedded"}`;
  });
  await check("migrations", async () => {
    if (!(await isMigrated(database().pool, readMigrations(join(root, "prisma/migrations"))))) {
      throw new Error("the database is not up to date; npm start brings it up to date");
    }
  });
  await check("clock", async () => {
    const { rows } = await database().pool.query<{ now: Date }>("SELECT now() AS now");
    const skew = Math.abs(Date.now() - (rows[0]?.now.getTime() ?? 0));

    if (skew > 5_000) {
      throw new Error(`this machine and the database differ by ${Math.round(skew / 1000)} s`);
    }
  });

  for (const [index, port] of settings.KMIP_PORTS.entries()) {
    await check(`KMIP endpoint of zone ${index + 1}`, async () => {
      await reach(settings.KMIP_HOST, port);

      return `${settings.KMIP_HOST}:${port}`;
    });
    for (const keyType of KEY_TYPES) {
      await check(`server certificate (${keyType.toUpperCase()}) of zone ${index + 1}`, async () => {
        const { certificatePem } = await loadTlsIdentity(index + 1, keyType);
        const certificate = new X509Certificate(certificatePem);
        const days = Math.floor((new Date(certificate.validTo).getTime() - Date.now()) / 86_400_000);

        if (days < 0) {
          throw new Error("expired");
        }

        return `valid for ${days} more days`;
      });
    }
  }

  await check("addresses of key managers", requireAllowedEndpoints);

  if (settings.HPCS_DEPLOYMENT_API_KEY_FILE) {
    await check("identity for service authorizations", () => {
      deploymentApiKey();

      return settings.HPCS_DEPLOYMENT_API_KEY_FILE;
    });
  }

  await check("console", () => reachHttp(`${settings.publicUrl}/readyz`));

  if (settings.sandboxUrl) {
    await check("sandbox", () => reachHttp(`${settings.sandboxUrl}/identity/keys`));
  }

  return wrong === 0 ? 0 : 1;
}
