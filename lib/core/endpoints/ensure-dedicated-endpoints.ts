import { dedicatedCertificateHosts, env } from "@/lib/env";
import { inTransaction } from "../transaction";
import { assignDedicatedPorts, dedicatedInstanceIds } from "./dedicated-ports";
import { ensureDedicatedIdentity, forgetOrphanedIdentities } from "./tls-identities";

/** Makes the server certificates of an instance's own endpoints, unless they are there and fit. */
export async function prepareDedicatedIdentity(
  instanceId: string,
  onRenewed?: (id: string) => void,
): Promise<void> {
  await ensureDedicatedIdentity(instanceId, dedicatedCertificateHosts(instanceId, env()), onRenewed);
}

/**
 * Sees to it that every instance that has endpoints of its own has a port in each zone and certificates with all host
 * names; for the start and the worker. A port that was given out, and a certificate that fits, stay as they are.
 * @param onError told of an instance for which that failed; the others are seen to all the same
 * @param onRenewed told of each certificate that takes the place of another
 */
export async function ensureDedicatedEndpoints(
  onError: (error: unknown, instanceId: string) => void,
  onRenewed?: (id: string) => void,
): Promise<void> {
  for (const instanceId of await dedicatedInstanceIds()) {
    try {
      await inTransaction((tx) => assignDedicatedPorts(tx, instanceId));
      await prepareDedicatedIdentity(instanceId, onRenewed);
    } catch (error) {
      onError(error, instanceId);
    }
  }
  await forgetOrphanedIdentities();
}
