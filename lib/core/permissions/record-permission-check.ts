import { invalidateInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import type { Prisma } from "@/lib/db/generated/client";
import { LIVING } from "../instance";
import { inTransaction, type Transaction } from "../transaction";
import { FAILURE_CODES } from "./failure-codes";
import { KEY_STATE_NUMBERS, type PermissionFacts, type PermissionReport, reasonOf } from "./report";

const KEPT_SCHEDULED_REPORTS = 480;

/** Why the checks ran. */
export type PermissionCheckTrigger = "order" | "activate" | "manual" | "schedule";

type InstanceHealth = { readonly status: string; readonly statusReason: string | null };

export type RecordedCheck = {
  readonly permissionCheckId: string;
  readonly before: InstanceHealth;
  readonly after: InstanceHealth;
  /** True when the status, its reason, or the root key's state or version is another than before. */
  readonly changed: boolean;
};

/** What a run of the checks came to. */
export type FinishedCheck = {
  readonly report: PermissionReport;
  readonly trigger: PermissionCheckTrigger;
  /** What the checks learned; values that they did not learn stay as they were. */
  readonly facts?: PermissionFacts | null;
};

/**
 * Keeps a permission report and what it says about the instance: last check, state and version of the root key, the
 * service ID's name, and the status: `installed` becomes `attention` with the first failure's code as its reason, and
 * back. A reason that the checks did not set (another part's) stays. Instances in other states keep their status.
 * @param then called in the same transaction
 * @returns null when the instance no longer exists
 */
export async function recordPermissionCheck(
  instanceId: string,
  check: FinishedCheck,
  then: (tx: Transaction, recorded: RecordedCheck) => Promise<void> = async () => {},
): Promise<RecordedCheck | null> {
  return inTransaction(async (tx) => {
    const recorded = await keepCheck(tx, instanceId, check);

    if (recorded !== null) {
      await then(tx, recorded);
    }

    return recorded;
  });
}

async function keepCheck(
  tx: Transaction,
  instanceId: string,
  { report, trigger, facts = null }: FinishedCheck,
): Promise<RecordedCheck | null> {
  // Two checks at once (the worker's and a person's) write one after the other.
  await tx.$queryRaw`SELECT 1 FROM instance WHERE id = ${instanceId}::uuid FOR UPDATE`;

  const before = await tx.instance.findFirst({
    where: { id: instanceId, ...LIVING },
    select: {
      status: true,
      statusReason: true,
      crkId: true,
      crkState: true,
      crkVersion: true,
      keyManagerCrn: true,
      keyManagerEndpoint: true,
      lastCheckAt: true,
    },
  });

  if (before === null) {
    return null;
  }

  const checkedAt = new Date(report.checkedAt);
  const { id } = await tx.permissionCheck.create({
    data: { instanceId, ok: report.ok, trigger, report, checkedAt },
    select: { id: true },
  });

  if (trigger === "schedule") {
    await pruneHistory(tx, instanceId);
  }

  // An older run that took longer says nothing new.
  if (before.lastCheckAt !== null && before.lastCheckAt > checkedAt) {
    const health = { status: before.status, statusReason: before.statusReason };

    return { permissionCheckId: id, before: health, after: health, changed: false };
  }

  const after = judgeHealth(before, report);
  const crk = facts?.crk && facts.crk.id === before.crkId ? facts.crk : null;
  const keyManager =
    facts?.keyManager && facts.keyManager.crn === before.keyManagerCrn ? facts.keyManager : null;
  const crkState = crk ? KEY_STATE_NUMBERS[crk.state] : crkStateOf(report);

  await tx.instance.update({
    where: { id: instanceId },
    data: {
      status: after.status,
      statusReason: after.statusReason,
      lastCheckOk: report.ok,
      lastCheckAt: checkedAt,
      ...(crkState === null ? {} : { crkState, crkSeenAt: checkedAt }),
      ...(crk
        ? {
            crkName: crk.name,
            ...(crk.currentVersion === null ? {} : { crkVersion: crk.currentVersion }),
          }
        : {}),
      ...(facts?.serviceId ? { serviceId: facts.serviceId, serviceIdName: facts.serviceIdName } : {}),
      ...(keyManager
        ? {
            keyManagerEndpoint: keyManager.endpoint,
            ...(keyManager.name === "" ? {} : { keyManagerName: keyManager.name }),
          }
        : {}),
    },
  });

  if (keyManager && keyManager.endpoint !== before.keyManagerEndpoint) {
    invalidateInstanceKeyManager(instanceId);
  }

  return {
    permissionCheckId: id,
    before: { status: before.status, statusReason: before.statusReason },
    after,
    changed:
      after.status !== before.status ||
      after.statusReason !== before.statusReason ||
      (crkState !== null && crkState !== before.crkState) ||
      (crk?.currentVersion != null && crk.currentVersion !== before.crkVersion),
  };
}

/** Keeps the newest scheduled reports of an instance (five days at one in 15 minutes); what people asked for stays. */
async function pruneHistory(tx: Prisma.TransactionClient, instanceId: string): Promise<void> {
  const [oldest] = await tx.permissionCheck.findMany({
    where: { instanceId, trigger: "schedule" },
    orderBy: { id: "desc" },
    skip: KEPT_SCHEDULED_REPORTS,
    take: 1,
    select: { id: true },
  });

  if (oldest !== undefined) {
    await tx.permissionCheck.deleteMany({
      where: { instanceId, trigger: "schedule", id: { lte: oldest.id } },
    });
  }
}

/** The root key's state where the report knows it without its metadata (a key that was deleted for good). */
function crkStateOf(report: PermissionReport): number | null {
  return report.checks.some((check) => check.code === "CRK_DESTROYED") ? KEY_STATE_NUMBERS.destroyed : null;
}

type Judged<Status extends string> = { status: Status; statusReason: string | null };

/** The status that a report gives an instance. */
export function judgeHealth<Status extends string>(
  before: Judged<Status>,
  report: PermissionReport,
): Judged<Status | "installed" | "attention"> {
  const { status, statusReason } = before;

  if (status !== "installed" && status !== "attention") {
    return before;
  }

  const ours = statusReason === null || FAILURE_CODES.has(statusReason);

  if (!report.ok) {
    // Another part's reason is older news but still true: the failure shows in the report meanwhile.
    return { status: "attention", statusReason: ours ? reasonOf(report) : statusReason };
  }

  return ours ? { status: "installed", statusReason: null } : before;
}
