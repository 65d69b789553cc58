import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

import { type Clock, HOUR, movableClock, systemClock, toStoredDate } from "./clock";
import type { SandboxContext, SandboxLogger } from "./context";
import { createControl, type SandboxControl } from "./control";
import { controlToken, startControlServer } from "./control-server";
import { describeSeed, type SandboxCredentials, toCredentials, writeManifest } from "./credentials";
import { SandboxError, systemErrorCode } from "./errors";
import { FaultInjector } from "./faults/injector";
import { createApp } from "./http/app";
import { type HttpServer, startHttpServer } from "./http/server";
import type { Middleware } from "./http/types";
import { iamService } from "./iam/service";
import { openTokenIssuer } from "./iam/token-issuer";
import { kmsService } from "./kms/service";
import { keepUp } from "./kms/upkeep";
import { defaultPeople, OidcProvider, type Person } from "./oidc/provider";
import { resourceControllerService } from "./resource-controller";
import { seedAuthorizationsOnce, seedOnce } from "./seed";
import { lockDataDir } from "./store/lock";
import { SandboxStore } from "./store/store";
import { Vault } from "./store/vault";

export type { SandboxLogger } from "./context";
export { readControlToken } from "./control-server";
export { readSandboxCredentials, type SandboxCredentials } from "./credentials";
export type { FaultInput } from "./faults/rules";
export type { Middleware, SandboxResponse } from "./http/types";
export { defaultPeople } from "./oidc/provider";

const DEFAULT_COMPACT_BYTES = 8 * 1024 * 1024;

export interface SandboxOptions {
  /** The sandbox's own folder; made if it is not there. One sandbox at a time. */
  dataDir: string;
  host: string;
  /** 0 for any free port. */
  port: number;
  logger?: SandboxLogger;
  /** Time for states, dates, waits and tokens; the system's by default. */
  clock?: Clock;
  /**
   * true (default): the real services' waits (30 s before enable and restore, an hour between rotations, four
   * hours before a purge) are not enforced, so that nobody waits in a demonstration. false: they are.
   */
  relaxedWaits?: boolean;
  /** URL under which clients reach the sandbox, if it is another than `http://<host>:<port>`. */
  publicBaseUrl?: string;
  /** Whom the sign-in page of OpenID Connect offers; a few people of example.com by default. */
  people?: readonly Person[];
  /** Where the sign-in may lead back to, beside any address of this machine. */
  redirectUris?: readonly string[];
  /**
   * Port of the controls over HTTP, on 127.0.0.1 whatever `host` is; 0 for any free port, absent for no such port.
   */
  controlPort?: number | undefined;
  /** Steps around every request, outermost first, for faults that the controls do not have. */
  middleware?: readonly Middleware[];
  /** Size of the journal in bytes at which it is replaced by a snapshot. */
  compactAfterBytes?: number;
}

export interface Sandbox {
  /** Base URL, without a slash at the end; IAM and the resource controller are served directly below it. */
  url: string;
  port: number;
  /** What a client needs to use the sandbox. Secret: it holds API keys. */
  credentials(): SandboxCredentials;
  control: SandboxControl;
  /** The controls over HTTP, if there is a port for them. Secret: its token opens them. */
  controlServer: { url: string; token: string } | undefined;
  /** Lets running requests end, writes what is to be written, gives the folder free. May be called twice. */
  close(): Promise<void>;
}

async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SandboxError(
      "SANDBOX_DATA_DIR_UNUSABLE",
      `The sandbox cannot use the folder ${dataDir} (${systemErrorCode(error) ?? "unknown error"}).`,
      { cause: error },
    );
  }
}

/** Opens the vault; makes its master key only where there is no store yet that another key would not open. */
async function openVault(dataDir: string, storeDir: string): Promise<Vault> {
  const stored = await readdir(storeDir).catch((error: unknown) => {
    if (systemErrorCode(error) === "ENOENT") {
      return [];
    }
    throw error;
  });
  try {
    return await Vault.open(dataDir);
  } catch (error) {
    const isNew = error instanceof SandboxError && error.code === "SANDBOX_MASTER_KEY_MISSING";
    if (!isNew || stored.length > 0) {
      throw error;
    }
    return Vault.create(dataDir);
  }
}

function localUrl(host: string, port: number): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;

  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/**
 * Starts a local stand-in for IBM Cloud: IAM, resource controller, Key Protect and HPCS on one port. The first
 * start on a folder makes its account, instances, root keys and API keys; later ones go on with what is there.
 *
 * @throws SandboxError EADDRINUSE if the port is taken, SANDBOX_DATA_DIR_LOCKED if another sandbox uses the
 *   folder, and the other codes of SandboxErrorCode for a folder that cannot be read
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { dataDir, logger } = options;
  const clock = movableClock(options.clock ?? systemClock);
  const storeDir = join(dataDir, "store");
  await prepareDataDir(dataDir);
  const unlock = await lockDataDir(dataDir);
  let store: SandboxStore | undefined;
  try {
    const vault = await openVault(dataDir, storeDir);
    await Vault.tightenPermissions(dataDir);
    store = await SandboxStore.open({
      dir: storeDir,
      compactAfterBytes: options.compactAfterBytes ?? DEFAULT_COMPACT_BYTES,
      onCompactionError: (error) => logger?.error({ err: error }, "journal could not be compacted"),
    });
    const openStore = store;
    let url = "";
    const context: SandboxContext = {
      store,
      vault,
      clock,
      logger,
      relaxedWaits: options.relaxedWaits ?? true,
      baseUrl: () => url,
    };
    const issuer = await openTokenIssuer(context, toStoredDate(clock.now()));
    seedOnce(context);
    seedAuthorizationsOnce(context);
    await store.settled();
    const manifest = describeSeed(context);
    await writeManifest(dataDir, manifest);

    const oidc = new OidcProvider(context, {
      people: options.people ?? defaultPeople,
      redirectUris: options.redirectUris ?? [],
    });
    const faults = new FaultInjector();
    const control = createControl(context, faults);
    const app = createApp(
      context,
      [kmsService(issuer), resourceControllerService(issuer), iamService(issuer, oidc)],
      [...(options.middleware ?? []), faults.middleware],
    );
    const server = await startHttpServer({ host: options.host, port: options.port, ...app });
    url = options.publicBaseUrl?.replace(/\/+$/, "") ?? localUrl(options.host, server.port);
    let controls: HttpServer | undefined;
    try {
      if (options.controlPort !== undefined) {
        controls = await startControlServer({ port: options.controlPort, context, control, manifest });
      }
    } catch (error) {
      await server.close();
      throw error;
    }
    logger?.info({ url, dataDir, controlPort: controls?.port }, "sandbox is up");

    keepUp(context);
    const upkeep = setInterval(() => {
      try {
        keepUp(context);
      } catch (error) {
        logger?.error({ err: error }, "upkeep failed");
      }
    }, HOUR);
    upkeep.unref();

    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      try {
        // Whoever waits because of a fault gets no answer any more.
        faults.clear();
        clearInterval(upkeep);
        await Promise.all([server.close(), controls?.close()]);
        await openStore.close();
      } finally {
        await unlock();
      }
      logger?.info("sandbox is closed");
    };

    return {
      url,
      port: server.port,
      credentials: () => toCredentials(manifest, vault, url),
      control,
      controlServer: controls && {
        url: `http://127.0.0.1:${controls.port}`,
        token: controlToken(vault),
      },
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    try {
      await store?.close();
    } finally {
      await unlock();
    }
    throw error;
  }
}
