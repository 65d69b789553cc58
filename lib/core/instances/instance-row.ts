import type { Instance, Prisma } from "@/lib/db/generated/client";
import type { Actor } from "../actor";
import { endpointsOf, type InstanceEndpoint } from "../endpoints/instance-endpoints";
import { AppError } from "../errors";

/** An instance without its sealed API key. */
export type InstanceRow = Omit<Instance, "apiKeySealed">;

/** An instance with the endpoints that its clients connect to. */
export type InstanceView = InstanceRow & { readonly endpoints: readonly InstanceEndpoint[] };

/** Leaves the sealed API key in the database: nothing that shows instances needs it. */
export const WITHOUT_API_KEY = { apiKeySealed: true } as const;

/** The instance with its endpoints. */
export async function withEndpoints(row: InstanceRow): Promise<InstanceView> {
  return { ...row, endpoints: (await endpointsOf([row])).get(row.id) ?? [] };
}

/** @throws AppError NOT_FOUND when the account has no such instance */
export async function requireInstanceRow(
  client: Prisma.TransactionClient,
  actor: Pick<Actor, "accountId">,
  instanceId: string,
): Promise<InstanceRow> {
  const row = await client.instance.findFirst({
    where: { id: instanceId, accountId: actor.accountId },
    omit: WITHOUT_API_KEY,
  });
  if (!row) {
    throw new AppError("NOT_FOUND", "There is no such instance.");
  }

  return row;
}

export function instanceNameTaken(name: string): AppError {
  return new AppError("NAME_TAKEN", `The account has an instance with the name ${name} already.`, {
    invalidParams: [{ name: "name", code: "NAME_TAKEN", reason: "is taken" }],
  });
}

/** @throws AppError INVALID_STATE */
export function requireNotRemoving(row: { status: string }): void {
  if (row.status === "removing") {
    throw new AppError("INVALID_STATE", "The instance is being removed.");
  }
}
