import type { ConnectionReport as ConnectionReportView } from "@/lib/core/endpoints";
import type {
  InstanceImpact as InstanceImpactView,
  InstanceView,
  PermissionCheckRow,
} from "@/lib/core/instances";
import { KEY_STATE_NUMBERS } from "@/lib/core/permissions/report";
import type { Unwritten } from "../contract/handler";
import { keyState } from "../key-managers/schemas";
import { describeCheck, describeReport, keptReport } from "../texts/checks";
import { describeInUse } from "../texts/in-use";
import type { ConnectionReport, Instance, InstanceImpact, PermissionCheck } from "./schemas";

function keyStateOf(number: number | null): NonNullable<Instance["crk"]>["state"] {
  return keyState.options.find((state) => KEY_STATE_NUMBERS[state] === number) ?? null;
}

/** Instance as the API shows it. */
export function serializeInstance(view: InstanceView): Unwritten<Instance> {
  const { keyManagerKind, keyManagerCrn, crkId } = view;

  return {
    id: view.id,
    name: view.name,
    region: view.region,
    resourceGroup: view.resourceGroup,
    status: view.status,
    statusReason: view.statusReason,
    endpoints: view.endpoints,
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
            seenAt: view.crkSeenAt,
          },
    counts: {
      keks: view.kekCount,
      activeKeks: view.activeKekCount,
      clientCertificates: view.clientCertificateCount,
    },
    cachePolicy: { cacheTtlSeconds: view.cacheTtlSeconds, outageGraceSeconds: view.outageGraceSeconds },
    activateOnCreate: view.activateOnCreate,
    serveCompromised: view.serveCompromised,
    expiredCertificates: { rule: view.expiredCertificates, graceDays: view.expiredGraceDays },
    lastCheck:
      view.lastCheckOk === null || view.lastCheckAt === null
        ? null
        : { ok: view.lastCheckOk, checkedAt: view.lastCheckAt },
    lastKmipAt: view.lastKmipAt,
    createdAt: view.createdAt,
    createdBy: view.createdBy,
    updatedAt: view.updatedAt,
    deletion:
      view.deletedAt === null || view.purgeAt === null
        ? null
        : { deletedAt: view.deletedAt, deletedBy: view.deletedBy ?? "", purgeAt: view.purgeAt },
  };
}

/** What a deletion breaks, with its reasons in English. */
export function serializeImpact(view: InstanceImpactView): Unwritten<InstanceImpact> {
  return { ...view, reasons: view.reasons.map(describeInUse) };
}

/** Permission check as the API shows it. */
export function serializePermissionCheck(row: PermissionCheckRow): PermissionCheck {
  return { ...describeReport(keptReport.parse(row.report)), id: row.id, trigger: row.trigger };
}

/** Connection report as the API shows it, in English. */
export function serializeConnectionReport(report: ConnectionReportView): Unwritten<ConnectionReport> {
  return {
    ...report,
    endpoints: report.endpoints.map((endpoint) => ({
      ...endpoint,
      checks: endpoint.checks.map(describeCheck),
    })),
  };
}
