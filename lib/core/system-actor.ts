import { randomUUID } from "node:crypto";
import type { Actor } from "./actor";

/** The actor of what a process does by itself, in an account. @param name of the process: `kmip`, `worker` */
export function systemActor(name: string, accountId: string): Actor {
  return {
    kind: "system",
    id: name,
    name: `KMIP Console ${name}`,
    accountId,
    role: "administrator",
    remoteAddress: null,
    userAgent: null,
    requestId: randomUUID(),
  };
}
