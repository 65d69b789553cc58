/**
 * A process that makes one audited change and stops at a point of it, to be killed there:
 * `killed-change.ts URL ACCOUNT REQUEST POINT EFFECTS`.
 */
import { createAuditWriter } from "@/lib/audit/writer";
import { audited, setAuditWriter } from "@/lib/core/audit";
import { inTransaction } from "@/lib/core/transaction";
import { openDatabase, setDatabase } from "@/lib/db";

/** Where it stops. */
export const POINTS = ["intended", "decided", "committed", "written"] as const;
export type Point = (typeof POINTS)[number];

async function main(): Promise<void> {
  const [url = "", accountId = "", requestId = "", point = "", effects = ""] = process.argv.slice(2);
  const database = openDatabase(url);
  const writer = createAuditWriter({ pool: database.pool, node: `killed-${requestId}` });

  async function stopAt(here: Point): Promise<void> {
    if (here === point) {
      process.stdout.write(`${here}\n`);
      await new Promise(() => setInterval(() => {}, 1_000));
    }
  }

  setDatabase(database);
  setAuditWriter({
    async write(events) {
      if (events.length > 0) {
        await stopAt("committed");
        await writer.write(events);
        await stopAt("written");
      }
    },
  });

  await audited(
    {
      kind: "user",
      id: "somebody",
      name: "Somebody",
      accountId,
      role: "administrator",
      remoteAddress: null,
      userAgent: null,
      requestId,
    },
    {
      action: "vmware-solutions.member.update",
      target: { id: accountId },
      effects: effects === "outside" ? "outside" : "transaction",
    },
    async (done) => {
      await stopAt("intended");
      await inTransaction(async (tx) => {
        await tx.account.update({ where: { id: accountId }, data: { name: "Changed" } });
        await done(tx, { responseData: { name: "Changed" } });
        await stopAt("decided");
      });
    },
  );
}

if (process.argv[1]?.endsWith("killed-change.ts")) {
  void main();
}
