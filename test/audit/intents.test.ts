import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import type { Actor } from "@/lib/core/actor";
import {
  type AuditIntent,
  audited,
  hasSucceeded,
  setAuditWriter,
  settleIntents,
  wasRecorded,
} from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { inTransaction } from "@/lib/core/transaction";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { actorOf, addAccount } from "@/test/support/kek-fixtures";
import { POINTS, type Point } from "./killed-change";

let test: TestDatabase;
let writer: HashChainWriter;
let accountId: string;
let actor: Actor;

beforeAll(async () => {
  test = await createTestDatabase();
  writer = createAuditWriter({ pool: test.database.pool, node: "test" });
  setAuditWriter(writer);
});

beforeEach(async () => {
  accountId = await addAccount(test.database);
  actor = actorOf(accountId);
});

afterAll(async () => {
  setAuditWriter(null);
  await test.drop();
});

const intent = (): AuditIntent => ({
  action: "vmware-solutions.member.update",
  target: { id: accountId },
  requestData: { to: "Changed" },
});

const nameOf = async () =>
  (await test.database.prisma.account.findUniqueOrThrow({ where: { id: accountId } })).name;

const intentsLeft = () => test.database.prisma.auditIntent.count();

/** Outcome and reason of what is in the log of a request. */
async function log(requestId = actor.requestId): Promise<string[]> {
  const { rows } = await test.database.pool.query<{ outcome: string; reason: string | null }>(
    `SELECT outcome, event::jsonb #>> '{reason,reasonForFailure}' AS reason FROM audit_event
     WHERE account_id = $1 AND event::jsonb ->> 'correlationId' = $2 ORDER BY id`,
    [accountId, requestId],
  );

  return rows.map(({ outcome, reason }) =>
    reason === null ? outcome : `${outcome} ${reason.split(":")[0]}`,
  );
}

/** A change that `then` follows in its transaction, after it is decided. */
function change(then: () => Promise<void> = async () => {}, options: Partial<AuditIntent> = {}) {
  return audited(actor, { ...intent(), ...options }, (done) =>
    inTransaction(async (tx) => {
      await tx.account.update({ where: { id: accountId }, data: { name: "Changed" } });
      await done(tx, { responseData: { name: "Changed" } });
      await then();
    }),
  );
}

function failingWriter(): void {
  setAuditWriter({
    write: (events) => (events.length === 0 ? Promise.resolve() : Promise.reject(new Error("disk full"))),
  });
  onTestFinished(() => setAuditWriter(writer));
}

describe("a change whose event could never be written", () => {
  it("is refused before anything happens, and leaves no intent", async () => {
    const failed = change(async () => {}, { instanceId: "0199F00D-0000-7000-8000-00000000000A" });

    await expect(failed).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" });
    expect(await nameOf()).not.toBe("Changed");
    expect(await intentsLeft()).toBe(0);
  });
});

describe("what fails after a change is in the log", () => {
  it("is no failure of the change", async () => {
    expect(hasSucceeded(actor, "vmware-solutions.member.update")).toBe(false);
    await change();
    expect(hasSucceeded(actor, "vmware-solutions.member.update")).toBe(true);
    expect(hasSucceeded(actor, "vmware-solutions.member.delete")).toBe(false);
    expect(hasSucceeded({ ...actor }, "vmware-solutions.member.update")).toBe(false);
  });
});

describe("a failure that nobody expected", () => {
  it.each([
    [new Error("column api_key_sealed of secret"), "failure INTERNAL"],
    [Object.assign(new Error("terminating connection"), { code: "57P01" }), "failure DATABASE_UNAVAILABLE"],
  ])("has a reason, which tells nothing of its inside", async (error, expected) => {
    await expect(audited(actor, intent(), () => Promise.reject(error))).rejects.toBe(error);
    expect(await log()).toEqual([expected]);
  });
});

describe("a change", () => {
  it("is one event after COMMIT, and its intent is gone", async () => {
    const seen: number[] = [];

    await change(async () => {
      seen.push(await intentsLeft(), (await log()).length);
    });
    expect(seen).toEqual([1, 0]);
    expect(await log()).toEqual(["success"]);
    expect(await intentsLeft()).toBe(0);
  });

  it("that is announced has an event before it", async () => {
    const seen: string[][] = [];

    await change(
      async () => {
        seen.push(await log());
      },
      { announced: true },
    );
    expect(seen).toEqual([["pending"]]);
    expect(await log()).toEqual(["pending", "success"]);
  });

  it("that fails is one failure, and nothing is changed", async () => {
    const error = new AppError("INVALID_STATE", "No.");

    await expect(change(() => Promise.reject(error))).rejects.toBe(error);
    expect(wasRecorded(error)).toBe(true);
    expect(wasRecorded(new AppError("INVALID_STATE", "No."))).toBe(false);
    expect(await log()).toEqual(["failure INVALID_STATE"]);
    expect(await nameOf()).toBe("Account");
    expect(await intentsLeft()).toBe(0);
  });

  it("that is tried again by itself leaves no event of its failure", async () => {
    await expect(change(() => Promise.reject(new Error("x")), { failures: "retried" })).rejects.toThrow("x");
    expect(await log()).toEqual([]);
    expect(await intentsLeft()).toBe(0);
  });

  it("that was committed although its work failed in the end is a success", async () => {
    const late = audited(actor, intent(), async (done) => {
      await inTransaction(async (tx) => {
        await tx.account.update({ where: { id: accountId }, data: { name: "Changed" } });
        await done(tx);
      });
      throw new Error("after it");
    });

    await expect(late).rejects.toThrow("after it");
    expect(await log()).toEqual(["success"]);
  });

  it("that turns out to be none is no event", async () => {
    await audited(actor, intent(), async () => {});
    expect(await log()).toEqual([]);
    expect(await intentsLeft()).toBe(0);
  });

  it("does not begin when its intent cannot be written", async () => {
    await test.database.pool.query("ALTER TABLE audit_intent RENAME TO audit_intent_away");

    try {
      await expect(change()).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" });
    } finally {
      await test.database.pool.query("ALTER TABLE audit_intent_away RENAME TO audit_intent");
    }

    expect(await nameOf()).toBe("Account");
  });

  it("whose outcome cannot be written says so, and the worker writes it once it can", async () => {
    failingWriter();

    const failure = await change().catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "AUDIT_UNAVAILABLE" });
    expect(wasRecorded(failure)).toBe(true);
    expect(await nameOf()).toBe("Changed");
    setAuditWriter(writer);
    expect(await log()).toEqual([]);
    expect(await settleIntents({ staleSeconds: 0 })).toBe(1);
    expect(await log()).toEqual(["success"]);
    expect(await intentsLeft()).toBe(0);
  });

  it("that was settled while it was at work can no longer be committed", async () => {
    const slow = audited(actor, intent(), async (done) => {
      await settleIntents({ staleSeconds: 0 });

      return inTransaction(async (tx) => {
        await tx.account.update({ where: { id: accountId }, data: { name: "Changed" } });
        await done(tx);
      });
    });

    await expect(slow).rejects.toMatchObject({ code: "CHANGED_MEANWHILE" });
    expect(await nameOf()).toBe("Account");
    expect(await log()).toEqual(["failure NOT_CARRIED_OUT"]);
  });

  it("is left alone while its process is heard of, and while its transaction decides it", async () => {
    let settled = -1;

    await change(async () => {
      settled = await settleIntents({ staleSeconds: 0 });
    });
    expect(settled).toBe(0);
    await audited(actor, intent(), async () => {
      settled = await settleIntents();
    });
    expect(settled).toBe(0);
    expect(await log()).toEqual(["success"]);
  });
});

describe("a process that is killed", () => {
  /** Starts the other process, kills it at a point, and has three workers settle what it leaves, twice. */
  async function killAt(point: Point, effects: "transaction" | "outside"): Promise<void> {
    const program = fileURLToPath(new URL("killed-change.ts", import.meta.url));
    const child = spawn(
      process.execPath,
      ["--import", "tsx", program, test.url, accountId, actor.requestId, point, effects],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const [told] = await once(child.stdout, "data");

    expect(String(told).trim()).toBe(point);
    child.kill("SIGKILL");
    await once(child, "exit");
    // What a server needs to see that a session's peer is gone.
    await expect
      .poll(async () => {
        const { rowCount } = await test.database.pool.query(
          "SELECT 1 FROM pg_locks WHERE relation = 'audit_intent'::regclass AND pid <> pg_backend_pid()",
        );

        return rowCount;
      })
      .toBe(0);
    expect(await settleIntents()).toBe(0);
    // As it is half a minute later; the worker looks every ten seconds.
    await test.database.pool.query("UPDATE audit_intent SET alive_at = alive_at - interval '30 seconds'");
    await Promise.all([1, 2, 3].map(() => settleIntents()));
    await Promise.all([1, 2, 3].map(() => settleIntents({ staleSeconds: 0 })));
    expect(await intentsLeft()).toBe(0);
  }

  it.each(
    POINTS.flatMap((point) =>
      (["transaction", "outside"] as const).map((effects) => [point, effects] as const),
    ),
  )("when it has %s it, %s: one outcome, and a true one", async (point, effects) => {
    await killAt(point, effects);

    const isCommitted = point === "committed" || point === "written";
    const undone = effects === "transaction" ? "failure NOT_CARRIED_OUT" : "failure OUTCOME_UNKNOWN";

    expect(await nameOf()).toBe(isCommitted ? "Changed" : "Account");
    expect(await log()).toEqual([isCommitted ? "success" : undone]);
  });
});

describe("an event whose stamp is given", () => {
  it("is in the log once, and fails nobody who is written with it", async () => {
    const stamp = { id: "019a0000-0000-7000-8000-0000000000aa", time: new Date() };
    const event = (correlationId: string) => ({
      action: "vmware-solutions.member.update",
      outcome: "success" as const,
      severity: "normal" as const,
      message: "x",
      accountId,
      instanceId: null,
      dataEvent: false,
      correlationId,
      initiator: { id: "a", name: "a", typeURI: "x", credentialType: "user", address: null, agent: null },
      target: { id: "t", name: null, typeURI: "x" },
    });

    await writer.write([{ ...event("stamped"), stamp }]);
    // The first takes its time, the others go into one group.
    await Promise.all([
      writer.write([event("first")]),
      writer.write([event("before")]),
      writer.write([{ ...event("stamped"), stamp }]),
      writer.write([event("after")]),
    ]);

    for (const id of ["stamped", "first", "before", "after"]) {
      expect(await log(id)).toEqual(["success"]);
    }
  });
});
