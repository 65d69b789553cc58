import { endpointsOf, type InstanceEndpoint } from "../endpoints/instance-endpoints";
import { AppError } from "../errors";
import type { InstanceRow } from "../instance";

/** An instance with the endpoints that its clients connect to. */
export type InstanceView = InstanceRow & { readonly endpoints: readonly InstanceEndpoint[] };

/** What shall become of clients whose certificate has expired, as far as it changes. */
export type ExpiryChange = {
  readonly rule?: InstanceRow["expiredCertificates"] | undefined;
  /** 0 to 3,650. */
  readonly graceDays?: number | undefined;
};

/** The instance with its endpoints. */
export async function withEndpoints(row: InstanceRow): Promise<InstanceView> {
  return { ...row, endpoints: (await endpointsOf([row])).get(row.id) ?? [] };
}

export function instanceNameTaken(name: string): AppError {
  return new AppError("NAME_TAKEN", `The account has an instance with the name ${name} already.`, {
    invalidParams: [{ name: "name", code: "NAME_TAKEN", reason: "is taken" }],
  });
}
