import { z } from "zod";
import { id, page, timestamp } from "../contract/common";

const endpointNode = z
  .object({
    id,
    zone: z.int(),
    host: z.string(),
    port: z.int(),
    /** The only instance that a dedicated listener serves; null for those that all others share. */
    instanceId: id.nullable(),
    instanceName: z.string().nullable(),
    version: z.string(),
    health: z.enum(["up", "down"]),
    startedAt: timestamp,
    heartbeatAt: timestamp,
    connections: z.int(),
    requests: z.int(),
    failedHandshakes: z.array(
      z.object({
        at: timestamp,
        remoteAddress: z.string(),
        certificateSha256: z.string().nullable(),
        subject: z.string().nullable(),
        reason: z.string(),
        detail: z.string(),
      }),
    ),
  })
  .meta({ id: "EndpointNode" });

export const endpointPage = page(endpointNode);

export type EndpointNode = z.output<typeof endpointNode>;
