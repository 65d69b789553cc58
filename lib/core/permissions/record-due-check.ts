import { database } from "@/lib/db";
import { recordAction } from "../audit/record-action";
import { systemActor } from "../system-actor";
import type { DueCheck } from "./check-due-instances";
import type { CheckedInstance } from "./check-instance";
import type { PermissionCheckTrigger } from "./record-permission-check";

/**
 * What the audit keeps of a check. Its probe is a wrap and an unwrap in the key manager's own events, without a KEK that
 * was created: this says that it was a check, and which.
 */
export function checkFacts(trigger: PermissionCheckTrigger, checked: CheckedInstance) {
  const probe = checked.report.checks.find(({ id }) => id === "wrapUnwrap");

  return {
    requestData: { trigger, probe: "wrap and unwrap of random bytes" },
    responseData: {
      ok: checked.report.ok,
      status: checked.after.status,
      reason: checked.after.statusReason,
      probe: probe?.code ?? null,
    },
  };
}

/** Records a check that the worker ran by itself, under the correlation id that its calls of the key manager carried. */
export async function recordDueCheck({ instanceId, correlationId, checked }: DueCheck): Promise<void> {
  const instance = await database().prisma.instance.findUnique({
    where: { id: instanceId },
    select: { accountId: true, name: true },
  });

  if (instance) {
    await recordAction(
      { ...systemActor("worker", instance.accountId), requestId: correlationId },
      {
        action: "vmware-solutions.permission-check.run",
        target: { id: instanceId, name: instance.name },
        instanceId,
        ...checkFacts("schedule", checked),
      },
    );
  }
}
