import { handlers as auditEvents } from "./audit-events/handlers";
import { handlers as clientCertificates } from "./client-certificates/handlers";
import type { AnyInput, AuditedOperation, Handlers } from "./contract/handler";
import { handlers as endpoints } from "./endpoints/handlers";
import { handlers as instances } from "./instances/handlers";
import { handlers as invitations } from "./invitations/handlers";
import { handlers as keks } from "./keks/handlers";
import { handlers as keyManagers } from "./key-managers/handlers";
import { handlers as me } from "./me/handlers";
import { handlers as members } from "./members/handlers";
import type * as operations from "./operations";
import { handlers as tokens } from "./tokens/handlers";

/** A call of the API as the table of operations lists it. */
export type KnownOperation = AuditedOperation & { readonly id: keyof typeof operations };

const HANDLERS: Handlers<typeof operations> = {
  ...auditEvents,
  ...clientCertificates,
  ...endpoints,
  ...instances,
  ...invitations,
  ...keks,
  ...keyManagers,
  ...me,
  ...members,
  ...tokens,
};

/** The handler of an operation. What it is given has to be parsed by the operation's own schemas. */
export function handlerOf({ id }: KnownOperation) {
  return HANDLERS[id] as (input: AnyInput) => unknown;
}
