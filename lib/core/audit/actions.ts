import type { AuditSeverity } from "@/lib/audit/event";

/**
 * What people and programs do in the console, by the API, by the command line and in the worker: severity of a
 * success and the sentence of the event. Routine is normal, changes are warnings, what takes keys or access away
 * or hands them out is critical (the rating of IBM Cloud's own events).
 */
export const CONSOLE_ACTIONS = {
  "vmware-solutions.service.create": ["warning", "order KMIP instance"],
  "vmware-solutions.service.activate": ["warning", "activate KMIP instance"],
  "vmware-solutions.service.update": ["warning", "update KMIP instance"],
  "vmware-solutions.service.delete": ["critical", "delete KMIP instance"],
  "vmware-solutions.service.restore": ["critical", "restore deleted KMIP instance"],
  "vmware-solutions.service.purge": ["warning", "forget deleted KMIP instance"],
  "vmware-solutions.service.read": ["normal", "read KMIP instance"],
  "vmware-solutions.kmip-certificate.create": ["warning", "add client certificate"],
  "vmware-solutions.kmip-certificate.sign": ["warning", "sign client certificate"],
  "vmware-solutions.kmip-certificate.update": ["warning", "update client certificate"],
  "vmware-solutions.kmip-certificate.delete": ["critical", "remove client certificate"],
  /** An expired certificate is in use: told every day. */
  "vmware-solutions.kmip-certificate.expire": ["warning", "expired client certificate in use:"],
  /** Clients that pin the old one must trust the new one. */
  "vmware-solutions.server-certificate.renew": ["warning", "renew server certificate"],
  "vmware-solutions.kmip-key.read": ["normal", "read KMIP key"],
  "vmware-solutions.kmip-key.revoke": ["critical", "revoke KMIP key"],
  "vmware-solutions.kmip-key.restore": ["critical", "restore service of KMIP key"],
  "vmware-solutions.kmip-key.destroy": ["critical", "destroy KMIP key"],
  "vmware-solutions.kmip-key.reconcile": ["warning", "reconcile KMIP key"],
  "vmware-solutions.kmip-key.rewrap": ["normal", "rewrap KMIP key"],
  "vmware-solutions.permission-check.run": ["normal", "check permissions"],
  "vmware-solutions.connection-test.run": ["normal", "test connection"],
  "vmware-solutions.key-manager.discover": ["normal", "discover key managers"],
  "vmware-solutions.root-key.list": ["normal", "list root keys"],
  "vmware-solutions.root-key.create": ["warning", "create root key"],
  "vmware-solutions.root-key.rotate": ["warning", "rotate root key"],
  "vmware-solutions.session.create": ["normal", "sign in"],
  "vmware-solutions.session.delete": ["normal", "sign out"],
  "vmware-solutions.session.update": ["normal", "choose account"],
  "vmware-solutions.password.update": ["warning", "change password"],
  "vmware-solutions.invitation.create": ["critical", "invite member"],
  "vmware-solutions.invitation.accept": ["critical", "accept invitation"],
  "vmware-solutions.member.create": ["critical", "add member"],
  "vmware-solutions.member.update": ["critical", "update member"],
  "vmware-solutions.member.delete": ["critical", "remove member"],
  "vmware-solutions.token.create": ["critical", "create API token"],
  "vmware-solutions.token.delete": ["critical", "revoke API token"],
  "vmware-solutions.audit-event.list": ["normal", "list audit events"],
  "vmware-solutions.audit-event.export": ["warning", "export audit events"],
  "vmware-solutions.audit-event.verify": ["normal", "verify audit chains"],
  /** A request that was refused before it was known what it asked for. */
  "vmware-solutions.request.default": ["normal", "handle request"],
} as const satisfies { readonly [action: string]: readonly [AuditSeverity, string] };

export type ConsoleAction = keyof typeof CONSOLE_ACTIONS;
