import { env } from "@/lib/env";

/** The address that an invited person opens. */
export function invitationLink(token: string): string {
  return `${env().publicUrl.replace(/\/$/, "")}/invitations/${token}`;
}
