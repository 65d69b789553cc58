import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "@/lib/env";
import { readSandboxCredentials } from "@/sandbox";
import { Child } from "./child";
import { openLog, processEntry } from "./output";

/**
 * With the sandbox in the place of IBM Cloud, the sandbox's service ID is the deployment's identity, so that service
 * authorizations can be tried.
 */
function sandboxIdentityFile(settings: Env): string | undefined {
  return settings.sandboxUrl !== null && settings.iamUrl === settings.sandboxUrl
    ? join(settings.DATA_DIR, "sandbox", "deployment.apikey")
    : undefined;
}

/** Writes that file, once the sandbox has made its service IDs; whole or not at all. */
export async function provideSandboxIdentity(settings: Env): Promise<void> {
  const file = sandboxIdentityFile(settings);
  if (settings.sandboxUrl === null || settings.HPCS_DEPLOYMENT_API_KEY_FILE !== undefined || !file) {
    return;
  }

  const { deployment } = await readSandboxCredentials({
    dataDir: join(settings.DATA_DIR, "sandbox"),
    baseUrl: settings.sandboxUrl,
  });
  const draft = `${file}.draft`;
  writeFileSync(draft, `${deployment.apiKey}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** All processes but PostgreSQL: the sandbox, if there is to be one, and the others. None runs yet. */
export function makeChildren(
  settings: Env,
  { root, databaseUrl, warn }: { root: string; databaseUrl: string; warn(line: string): void },
): { sandbox: Child | null; others: Child[] } {
  const zones: Child[] = [];
  const make = (name: string, entryName: string, extra: Record<string, string | undefined> = {}): Child => {
    const { entry, execArgv } = processEntry(root, entryName);
    const log = openLog(settings.DATA_DIR, name);

    return new Child({
      name,
      entry,
      execArgv,
      // Secrets that only the start needs do not go to every process.
      env: {
        ...process.env,
        ADMIN_PASSWORD: undefined,
        DATABASE_URL: databaseUrl,
        // Children run in the program's folder; what was relative to ours must not move.
        DATA_DIR: settings.DATA_DIR,
        MASTER_KEY_FILE: settings.masterKeyFile,
        HPCS_DEPLOYMENT_API_KEY_FILE: settings.HPCS_DEPLOYMENT_API_KEY_FILE ?? sandboxIdentityFile(settings),
        ...extra,
      },
      cwd: root,
      output: (bytes) => log.append(bytes),
      // A client finds one zone while the other waits: never do both wait for long.
      othersRun: () => entryName !== "kmip" || zones.some((zone) => zone.name !== name && zone.running),
      // A debugger stops a process for as long as somebody looks.
      ...(settings.NODE_ENV === "development" ? { hungMs: Number.POSITIVE_INFINITY } : {}),
      onEvent(event, detail) {
        if (event === "hung") {
          warn(`${detail.name} says nothing any more; ending it.`);
        } else if (event === "restarting") {
          warn(
            `${detail.name} ended with code ${detail.code ?? "none"}; starting it again in ${detail.inMs} ms. See its log.`,
          );
        }
      },
    });
  };

  zones.push(
    ...settings.KMIP_PORTS.map((_, index) =>
      make(`kmip-${index + 1}`, "kmip", { KMIP_ZONE: String(index + 1) }),
    ),
  );

  return {
    sandbox: settings.SANDBOX_PORT === "off" ? null : make("sandbox", "sandbox", { DATABASE_URL: undefined }),
    others: [...zones, make("worker", "worker"), make("web", "web")],
  };
}
