import { defineOperation } from "../contract/operation";
import {
  auditEventPage,
  auditExportQuery,
  auditFilters,
  auditHistogram,
  auditQuery,
  auditVerification,
} from "./schemas";

const tag = "Audit events";

export const listAuditEvents = defineOperation({
  id: "listAuditEvents",
  tag,
  summary: "Audit events of the account, newest first",
  method: "GET",
  path: "/audit-events",
  role: "viewer",
  query: auditQuery,
  status: 200,
  response: auditEventPage,
});

export const getAuditHistogram = defineOperation({
  id: "getAuditHistogram",
  tag,
  summary: "Audit events over time, by outcome",
  method: "GET",
  path: "/audit-events/histogram",
  role: "viewer",
  query: auditFilters,
  status: 200,
  response: auditHistogram,
});

export const exportAuditEvents = defineOperation({
  id: "exportAuditEvents",
  tag,
  summary: "Audit events as a file, streamed",
  method: "GET",
  path: "/audit-events/export",
  role: "auditor",
  query: auditExportQuery,
  status: 200,
  streams: ["application/x-ndjson", "text/csv"],
});

export const streamAuditEvents = defineOperation({
  id: "streamAuditEvents",
  tag,
  summary: "Live tail: each new audit event as a server-sent event",
  method: "GET",
  path: "/audit-events/stream",
  role: "viewer",
  query: auditFilters,
  status: 200,
  streams: ["text/event-stream"],
});

export const verifyAuditEvents = defineOperation({
  id: "verifyAuditEvents",
  tag,
  summary: "Check the hash chains of the audit log",
  method: "POST",
  path: "/audit-events/verify",
  role: "auditor",
  readOnly: true,
  status: 200,
  response: auditVerification,
});
