import { randomBytes } from "node:crypto";
import { auditWriter } from "@/lib/core/audit";
import { createKmipPorts } from "@/lib/core/serving";
import type { Tenant } from "@/lib/kmip/ports";
import { newObject, recordingLogger } from "@/test/support/kek-fixtures";
import type { House } from "./house";

/** KEKs as a KMIP client makes them: wrapped under the CRK, kept in the sandbox. Active. */
export async function makeKeks(
  house: House,
  instanceId: string,
  certificate: { id: string; sha256: string },
  count: number,
): Promise<string[]> {
  const ports = createKmipPorts({
    database: house.database,
    sink: auditWriter(),
    logger: recordingLogger(),
  });
  const tenant: Tenant = {
    instanceId,
    certificateId: certificate.id,
    certificateSha256: certificate.sha256,
    policy: { activateOnCreate: false, serveCompromised: true },
  };
  const identifiers: string[] = [];

  try {
    for (let made = 0; made < count; made += 1) {
      const object = await ports.store.create(tenant, newObject({ state: 2 }), randomBytes(32));
      identifiers.push(object.uniqueIdentifier);
    }
  } finally {
    await ports.close();
  }

  return identifiers;
}
