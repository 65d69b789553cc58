/** Process of the worker: what must happen without anybody asking. Work is claimed in PostgreSQL, so N may run. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { Cron } from "croner";
import { forgetIdempotencyKeys } from "@/lib/api/idempotency";
import { createAuditWriter } from "@/lib/audit/writer";
import { setAuditWriter, settleIntents } from "@/lib/core/audit";
import { type ExpiryNotice, tellExpiringCertificates } from "@/lib/core/client-certificates";
import { ensureDedicatedEndpoints, ensureTlsIdentities, forgetConnectionProbes } from "@/lib/core/endpoints";
import { continueRemovals, purgeDeletedInstances } from "@/lib/core/instances";
import { logCircuits } from "@/lib/core/key-managers/log-circuits";
import { forgetInvitations } from "@/lib/core/members";
import { checkDueInstances } from "@/lib/core/permissions";
import { reconcileAll, rewrapDue } from "@/lib/core/rewrap";
import { forgetEndedSessions } from "@/lib/core/users";
import { openDatabase, setDatabase } from "@/lib/db";
import { resolveDatabaseUrl } from "@/lib/db/url";
import { env, serverCertificateHosts } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { runProcess } from "./supervisor/run";

const CHECK_EVERY_SECONDS = 15 * 60;
/** A move of a KEK is a handful of calls; unlike a Create, nobody waits for one that is cancelled. */
const MOVE_STALE_SECONDS = 30;

const logger = createLogger("worker");

logCircuits(logger);

/** What the log says of a pinned certificate that has ended, or is about to. */
function expiryWords({ expired, refusedFrom }: ExpiryNotice): string {
  if (!expired) {
    return "a client certificate is about to expire";
  }

  return refusedFrom !== null && refusedFrom <= new Date()
    ? "a client certificate has expired, and its clients are refused"
    : "a client certificate has expired";
}

runProcess(logger, async () => {
  const settings = env();
  const database = openDatabase(resolveDatabaseUrl(settings), {
    applicationName: "kmip-console worker",
    onError: (error) => logger.warn({ err: error }, "database connection lost"),
  });

  setDatabase(database);

  const writer = createAuditWriter({
    pool: database.appends,
    node: `worker@${hostname()}-${settings.PORT}`,
    logger,
  });

  setAuditWriter(writer);

  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  /** Runs a job by a schedule, never beside itself; its failure is logged and the next time is another chance. */
  const job = (what: string, pattern: string, work: () => Promise<void>): Cron =>
    new Cron(pattern, { protect: true, timezone: "UTC" }, async () => {
      const run = work().catch((error: unknown) => {
        if (!stopping.signal.aborted) {
          logger.warn({ err: error, job: what }, "job failed");
        }
      });

      running.add(run);
      await run;
      running.delete(run);
    });
  const jobs = [
    job("permission checks", "*/15 * * * * *", async () => {
      await checkDueInstances({
        everySeconds: CHECK_EVERY_SECONDS,
        signal: stopping.signal,
        onError: (error, instanceId) =>
          logger.warn({ err: error, instanceId }, "permission check could not run"),
      });
    }),
    job("rewrap", "*/5 * * * * *", async () => {
      await rewrapDue({
        database,
        logger,
        perSecond: settings.REWRAP_PER_SECOND,
        signal: stopping.signal,
      });
    }),
    job("reconcile", `*/${settings.RECONCILE_EVERY_SECONDS} * * * * *`, async () => {
      await reconcileAll({
        database,
        logger,
        olderThanSeconds: settings.RECONCILE_AFTER_SECONDS,
        staleSeconds: Math.min(MOVE_STALE_SECONDS, settings.RECONCILE_AFTER_SECONDS),
        signal: stopping.signal,
      });
    }),
    job("audit intents", "*/10 * * * * *", async () => {
      await settleIntents({
        signal: stopping.signal,
        onError: (error, intentId) =>
          logger.warn({ err: error, intentId }, "outcome of a change not settled; trying again later"),
      });
    }),
    job("removals", "30 * * * * *", async () => {
      await continueRemovals({
        requestId: randomUUID(),
        onError: (instanceId, error) => logger.warn({ err: error, instanceId }, "removal did not end"),
      });
    }),
    job("purge of deleted instances", "0 */10 * * * *", async () => {
      await purgeDeletedInstances({
        requestId: randomUUID(),
        onError: (instanceId, error) =>
          logger.warn({ err: error, instanceId }, "deleted instance not purged"),
      });
    }),
    job("connection probes", "*/30 * * * * *", () => forgetConnectionProbes()),
    job("server certificates", "0 17 3 * * *", async () => {
      await ensureTlsIdentities({
        zones: settings.KMIP_PORTS.map((_, index) => index + 1),
        hosts: serverCertificateHosts(settings),
      });
      await ensureDedicatedEndpoints((error, instanceId) =>
        logger.warn({ err: error, instanceId }, "endpoints of an instance are not ready"),
      );
    }),
    job("client certificates", "0 23 * * * *", async () => {
      await tellExpiringCertificates({
        signal: stopping.signal,
        onNotice: (notice) => logger.warn({ ...notice }, expiryWords(notice)),
        onError: (err, certificateId) =>
          logger.warn({ err, certificateId }, "end of a client certificate not told; trying again later"),
      });
    }),
    job("idempotency keys", "0 41 * * * *", forgetIdempotencyKeys),
    job("ended sessions", "0 42 * * * *", forgetEndedSessions),
    job("invitations", "0 43 * * * *", forgetInvitations),
  ];

  return {
    async stop() {
      stopping.abort();

      for (const scheduled of jobs) {
        scheduled.stop();
      }

      await Promise.allSettled(running);
      await writer.close();
      await database.close();
    },
  };
});
