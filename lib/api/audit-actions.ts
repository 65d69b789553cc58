import type { ConsoleAction } from "@/lib/core/audit";
import type * as operations from "./operations";

/**
 * The audit action of each call, for its refusals and failures. (Successes are recorded by lib/core, which also serves
 * the command line.)
 */
export const AUDIT_ACTIONS: Record<keyof typeof operations, ConsoleAction> = {
  getMe: "vmware-solutions.request.default",
  listEndpoints: "vmware-solutions.request.default",
  listMembers: "vmware-solutions.request.default",
  createMember: "vmware-solutions.member.create",
  updateMember: "vmware-solutions.member.update",
  deleteMember: "vmware-solutions.member.delete",
  listTokens: "vmware-solutions.request.default",
  createToken: "vmware-solutions.token.create",
  revokeToken: "vmware-solutions.token.delete",
  listAuditEvents: "vmware-solutions.audit-event.list",
  getAuditHistogram: "vmware-solutions.audit-event.list",
  exportAuditEvents: "vmware-solutions.audit-event.export",
  streamAuditEvents: "vmware-solutions.audit-event.list",
  verifyAuditEvents: "vmware-solutions.audit-event.verify",
  previewClientCertificates: "vmware-solutions.request.default",
  listClientCertificates: "vmware-solutions.request.default",
  createClientCertificate: "vmware-solutions.kmip-certificate.create",
  signClientCertificate: "vmware-solutions.kmip-certificate.sign",
  getClientCertificate: "vmware-solutions.request.default",
  updateClientCertificate: "vmware-solutions.kmip-certificate.update",
  deleteClientCertificate: "vmware-solutions.kmip-certificate.delete",
  listInstances: "vmware-solutions.service.read",
  createInstance: "vmware-solutions.service.create",
  getInstance: "vmware-solutions.service.read",
  updateInstance: "vmware-solutions.service.update",
  deleteInstance: "vmware-solutions.service.delete",
  activateInstance: "vmware-solutions.service.activate",
  listPermissionChecks: "vmware-solutions.request.default",
  runPermissionCheck: "vmware-solutions.permission-check.run",
  runConnectionTest: "vmware-solutions.connection-test.run",
  listKeks: "vmware-solutions.kmip-key.read",
  getKek: "vmware-solutions.kmip-key.read",
  getKekImpact: "vmware-solutions.kmip-key.read",
  revokeKek: "vmware-solutions.kmip-key.revoke",
  restoreKekService: "vmware-solutions.kmip-key.restore",
  destroyKek: "vmware-solutions.kmip-key.destroy",
  bulkRevokeKeks: "vmware-solutions.kmip-key.revoke",
  discoverKeyManagers: "vmware-solutions.key-manager.discover",
  listRootKeys: "vmware-solutions.root-key.list",
  validateKeyManager: "vmware-solutions.permission-check.run",
};
