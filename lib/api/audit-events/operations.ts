import { operationsOf } from "../contract/operation";
import {
  auditEventPage,
  auditExportQuery,
  auditFilters,
  auditHistogram,
  auditQuery,
  auditVerification,
} from "./schemas";

const operation = operationsOf({ resource: "audit-events", tag: "Audit events" });

export const listAuditEvents = operation({
  id: "listAuditEvents",
  summary: "Audit events of the account, newest first",
  method: "GET",
  path: "/audit-events",
  role: "viewer",
  audit: "vmware-solutions.audit-event.list",
  query: auditQuery,
  response: auditEventPage,
});

export const getAuditHistogram = operation({
  id: "getAuditHistogram",
  summary: "Audit events over time, by outcome",
  method: "GET",
  path: "/audit-events/histogram",
  role: "viewer",
  audit: "vmware-solutions.audit-event.list",
  query: auditFilters,
  response: auditHistogram,
});

export const exportAuditEvents = operation({
  id: "exportAuditEvents",
  summary: "Audit events as a file, streamed",
  method: "GET",
  path: "/audit-events/export",
  role: "auditor",
  audit: "vmware-solutions.audit-event.export",
  query: auditExportQuery,
  streams: ["application/x-ndjson", "text/csv"],
});

export const streamAuditEvents = operation({
  id: "streamAuditEvents",
  summary: "Live tail: each new audit event as a server-sent event",
  method: "GET",
  path: "/audit-events/stream",
  role: "viewer",
  audit: "vmware-solutions.audit-event.list",
  query: auditFilters,
  streams: ["text/event-stream"],
});

export const verifyAuditEvents = operation({
  id: "verifyAuditEvents",
  summary: "Check the hash chains of the audit log",
  method: "POST",
  path: "/audit-events/verify",
  role: "auditor",
  audit: "vmware-solutions.audit-event.verify",
  readOnly: true,
  response: auditVerification,
});
