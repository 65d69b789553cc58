import type { ConnectionReport as ConnectionReportView } from "@/lib/core/endpoints";
import type {
  InstanceView,
  PermissionCheckRow,
  RewrapStatus as RewrapStatusView,
} from "@/lib/core/instances";
import { KEY_STATE_NUMBERS } from "@/lib/core/permissions/report";
import { keyState } from "../key-managers/schemas";
import { describeCheck, describeReport, keptReport } from "../texts/checks";
import type { ConnectionReport, Instance, PermissionCheck, RewrapStatus } from "./schemas";

function keyStateOf(number: number | null): NonNullable<Instance["crk"]>["state"] {
  return keyState.options.find((state) => KEY_STATE_NUMBERS[state] === number) ?? null;
}

function serializeCertificate<T extends { readonly notAfter: Date }>(certificate: T) {
  return { ...certificate, notAfter: certificate.notAfter.toISOString() };
}

/** Instance as the API shows it. */
export function serializeInstance(view: InstanceView): Instance {
  const { keyManagerKind, keyManagerCrn, crkId } = view;

  return {
    id: view.id,
    name: view.name,
    region: view.region,
    resourceGroup: view.resourceGroup,
    status: view.status,
    statusReason: view.statusReason,
    endpoints: view.endpoints.map(({ serverCertificate, serverCertificates, ...endpoint }) => ({
      ...endpoint,
      serverCertificate: serializeCertificate(serverCertificate),
      serverCertificates: serverCertificates.map(serializeCertificate),
    })),
    keyManager:
      keyManagerKind === null || keyManagerCrn === null
        ? null
        : {
            kind: keyManagerKind,
            crn: keyManagerCrn,
            guid: view.keyManagerGuid,
            name: view.keyManagerName,
            endpoint: view.keyManagerEndpoint,
            endpointGiven: view.keyManagerEndpointGiven,
            keyRing: view.keyRing,
            serviceId: view.serviceId,
            serviceIdName: view.serviceIdName,
          },
    crk:
      crkId === null
        ? null
        : {
            id: crkId,
            name: view.crkName,
            state: keyStateOf(view.crkState),
            currentVersion: view.crkVersion,
            seenAt: view.crkSeenAt?.toISOString() ?? null,
          },
    counts: {
      keks: view.kekCount,
      activeKeks: view.activeKekCount,
      clientCertificates: view.clientCertificateCount,
    },
    cachePolicy: { cacheTtlSeconds: view.cacheTtlSeconds, outageGraceSeconds: view.outageGraceSeconds },
    activateOnCreate: view.activateOnCreate,
    serveCompromised: view.serveCompromised,
    lastCheck:
      view.lastCheckOk === null || view.lastCheckAt === null
        ? null
        : { ok: view.lastCheckOk, checkedAt: view.lastCheckAt.toISOString() },
    lastKmipAt: view.lastKmipAt?.toISOString() ?? null,
    createdAt: view.createdAt.toISOString(),
    createdBy: view.createdBy,
    updatedAt: view.updatedAt.toISOString(),
  };
}

/** Permission check as the API shows it. */
export function serializePermissionCheck(row: PermissionCheckRow): PermissionCheck {
  return { ...describeReport(keptReport.parse(row.report)), id: row.id, trigger: row.trigger };
}

/** Progress of a rewrap as the API shows it. */
export function serializeRewrapStatus({ versions, error, ...status }: RewrapStatusView): RewrapStatus {
  return {
    ...status,
    versions: [...versions],
    error: error && { code: error.code, since: error.since.toISOString() },
  };
}

/** Connection report as the API shows it, in English. */
export function serializeConnectionReport(report: ConnectionReportView): ConnectionReport {
  return {
    ok: report.ok,
    checkedAt: report.checkedAt.toISOString(),
    endpoints: report.endpoints.map((endpoint) => ({
      ...endpoint,
      checks: endpoint.checks.map(describeCheck),
      kmipVersions: [...endpoint.kmipVersions],
    })),
  };
}
