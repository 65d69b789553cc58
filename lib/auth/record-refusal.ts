import type { ConsoleAction } from "@/lib/core/audit";
import { auditWriter } from "@/lib/core/audit";
import { actionEvent } from "@/lib/core/audit/record-action";
import { AppError } from "@/lib/core/errors";
import type { RequestFacts } from "./request-facts";

/**
 * Writes the audit event of somebody who was refused before it was known who they are.
 * @param refusal.name what they call themselves, e.g. the address at a sign-in
 * @param refusal.accountId the account that it concerns, where that is known
 * @throws AppError AUDIT_UNAVAILABLE
 */
export async function recordRefusal(
  facts: RequestFacts,
  refusal: {
    readonly action: ConsoleAction;
    readonly target: { readonly id: string; readonly name?: string | null };
    readonly error: AppError;
    readonly name?: string;
    readonly accountId?: string | null;
  },
): Promise<void> {
  const name = refusal.name ?? "anonymous";
  const event = actionEvent(
    { kind: "user", id: name, name, accountId: "", role: "viewer", ...facts },
    { action: refusal.action, target: refusal.target, error: refusal.error },
  );
  try {
    await auditWriter().write([{ ...event, accountId: refusal.accountId ?? null }]);
  } catch (error) {
    throw new AppError("AUDIT_UNAVAILABLE", "The audit record could not be written. Try again later.", {
      cause: error,
    });
  }
}
