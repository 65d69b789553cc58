"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTranslations } from "next-intl";
import { Outcome, useActionWords } from "@/components/audit/words";
import { ProblemNotice } from "@/components/errors/problem";
import { replacingError } from "@/components/session/query-client";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { CopyButton, MonoCopy } from "@/components/ui/copy";
import { Drawer, DrawerSection } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { Fact, Facts } from "@/components/ui/panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { listAuditEvents } from "@/lib/api/audit-events/operations";
import { query } from "@/lib/api/contract/query";
import { getKek, getKekImpact } from "@/lib/api/keks/operations";
import type { Kek, KekDetail } from "@/lib/api/keks/schemas";
import { keyManagerCause } from "@/lib/i18n/key-manager-texts";
import type { OnKekAction } from "./actions";
import { ImpactFacts } from "./impact";
import { isDestroyed, KekStateBadge, useReasonWords } from "./state";

/** One KEK: facts, use, attributes, dates, recent events, and what can be done with it. */
export function KekDrawer({
  instanceId,
  uniqueIdentifier,
  onClose,
  onAct,
}: Readonly<{
  instanceId: string;
  uniqueIdentifier: string | null;
  onClose: () => void;
  onAct: OnKekAction;
}>) {
  const t = useTranslations("keks");
  const detail = useQuery({
    ...query(getKek, { id: instanceId, uniqueIdentifier: uniqueIdentifier ?? "" }),
    enabled: uniqueIdentifier !== null,
    refetchInterval: 10_000,
  });
  const kek = detail.data;
  const error = replacingError(detail);

  return (
    <Drawer
      open={uniqueIdentifier !== null}
      onOpenChange={(open) => {
        if (!open) {
          onClose();
        }
      }}
      title={
        <span className="flex items-start gap-1">
          <span className="break-all font-mono text-[13px]">{uniqueIdentifier}</span>
          <CopyButton value={uniqueIdentifier ?? ""} what={t("identifier")} />
        </span>
      }
      subtitle={kek ? <KekStateBadge kek={kek} /> : undefined}
      footer={kek && !isDestroyed(kek.state) ? <Actions kek={kek} onAct={onAct} /> : undefined}
    >
      {error ? (
        <ProblemNotice error={error} onRetry={() => void detail.refetch()} className="m-5" />
      ) : kek ? (
        <Detail instanceId={instanceId} kek={kek} />
      ) : (
        <SkeletonRows rows={10} />
      )}
    </Drawer>
  );
}

function Actions({ kek, onAct }: Readonly<{ kek: Kek; onAct: OnKekAction }>) {
  const t = useTranslations("keks.menu");
  const roleReason = useRoleReason();

  return (
    <>
      <Button
        variant="danger-quiet"
        disabledReason={roleReason("administrator")}
        onClick={() => onAct("destroy", kek)}
      >
        {t("destroy")}
      </Button>
      {kek.blocked ? (
        <Button disabledReason={roleReason("administrator")} onClick={() => onAct("restore", kek)}>
          {t("restore")}
        </Button>
      ) : (
        <Button variant="danger" disabledReason={roleReason("operator")} onClick={() => onAct("revoke", kek)}>
          {t("revoke")}
        </Button>
      )}
    </>
  );
}

/** A destroyed KEK whose standard key is still in the key manager: what that waits for. */
function PendingDeletion({ pending }: Readonly<{ pending: KekDetail["pendingDeletion"] }>) {
  const t = useTranslations("keks.drawer");
  const known = keyManagerCause(useTranslations(), pending?.code);
  if (pending === null) {
    return null;
  }

  return (
    <Notice tone="warn" className="mx-5 mt-4" title={t("pendingDeletion")}>
      <p>{known?.cause ?? pending.code ?? t("pendingDeletionSoon")}</p>
      {known ? <p>{known.remedy}</p> : null}
    </Notice>
  );
}

const DATES = [
  "initial",
  "activation",
  "deactivation",
  "compromiseOccurrence",
  "compromise",
  "destroy",
  "lastChange",
] as const;

type DetailProps = Readonly<{ instanceId: string; kek: KekDetail }>;

function Detail({ instanceId, kek }: DetailProps) {
  const t = useTranslations("keks.drawer");
  const tKeks = useTranslations("keks");
  const reasonWords = useReasonWords();
  const { blocked } = kek;

  return (
    <>
      {blocked ? (
        <Notice tone="bad" className="mx-5 mt-4" title={tKeks("blockedHint")}>
          {t.rich("blockedValue", {
            when: () => <Time key="when" value={blocked.at} />,
            who: blocked.by,
            reason: reasonWords(blocked.reason),
          })}
          {blocked.message ? <p className="break-anywhere">{blocked.message}</p> : null}
        </Notice>
      ) : null}
      <PendingDeletion pending={kek.pendingDeletion} />
      <Use instanceId={instanceId} kek={kek} />
      <KekFacts instanceId={instanceId} kek={kek} />
      <DrawerSection title={t("dates")}>
        <Facts>
          {DATES.map((name) => {
            const value = kek.dates[name];

            return value ? (
              <Fact key={name} term={t(`date.${name}`)}>
                <Time value={value} kind="exact" />{" "}
                <span className="text-muted">
                  (<Time value={value} />)
                </span>
              </Fact>
            ) : null;
          })}
        </Facts>
      </DrawerSection>
      <Attributes kek={kek} />
      <RecentEvents instanceId={instanceId} uniqueIdentifier={kek.uniqueIdentifier} />
    </>
  );
}

/** Who was given it. */
function Use({ instanceId, kek }: DetailProps) {
  const t = useTranslations("keks.drawer");
  const tKeks = useTranslations("keks");
  const impact = useQuery({
    ...query(getKekImpact, { id: instanceId, uniqueIdentifier: kek.uniqueIdentifier }),
    staleTime: 5_000,
  });

  return (
    <DrawerSection title={t("use")}>
      <ImpactFacts impact={impact.data} />
      {impact.data && impact.data.clients.length > 1 ? (
        <ul className="mt-2 text-muted">
          {impact.data.clients.map((client) => (
            <li key={client.certificateId}>
              {t.rich("clientRow", {
                name: client.name ?? tKeks("impact.unknownClient"),
                times: client.times,
                when: () => <Time key="when" value={client.lastAt} />,
              })}
            </li>
          ))}
        </ul>
      ) : null}
    </DrawerSection>
  );
}

function KekFacts({ instanceId, kek }: DetailProps) {
  const t = useTranslations("keks.drawer");
  const reasonWords = useReasonWords();

  return (
    <DrawerSection title={t("facts")}>
      <Facts>
        <Fact term={t("type")}>
          {kek.algorithm && kek.length
            ? t("typeValue", { type: kek.objectType, algorithm: kek.algorithm, length: String(kek.length) })
            : kek.objectType}
        </Fact>
        {kek.usage.length > 0 ? <Fact term={t("usageMask")}>{kek.usage.join(", ")}</Fact> : null}
        {kek.createdByCertificate ? (
          <Fact term={t("requestedBy")}>
            <Link
              href={`/instances/${instanceId}/certificates?certificate=${kek.createdByCertificate.id}`}
              className="text-accent-ink underline-offset-4 hover:underline"
            >
              {kek.createdByCertificate.name}
            </Link>
          </Fact>
        ) : null}
        <Fact term={t("keyManagerKey")}>
          {kek.keyManagerKeyId ? <MonoCopy value={kek.keyManagerKeyId} what={t("keyManagerKey")} /> : "–"}
        </Fact>
        <Fact term={t("crk")}>
          <MonoCopy value={kek.crkId} what={t("crk")} />
        </Fact>
        {kek.crkVersion ? (
          <Fact term={t("crkVersion")}>
            <MonoCopy value={kek.crkVersion} what={t("crkVersion")} />
          </Fact>
        ) : null}
        {kek.revocation ? (
          <Fact term={t("revocation")}>
            {reasonWords(kek.revocation.reason)}
            {kek.revocation.message ? (
              <span className="block text-muted">{kek.revocation.message}</span>
            ) : null}
          </Fact>
        ) : null}
      </Facts>
    </DrawerSection>
  );
}

function Attributes({ kek }: Pick<DetailProps, "kek">) {
  const t = useTranslations("keks.drawer");

  return (
    <DrawerSection title={t("attributes")}>
      {kek.allAttributes.length === 0 ? (
        <p className="text-muted">{t("attributesNone")}</p>
      ) : (
        <Facts>
          {kek.allAttributes.toSorted(customFirst).map((attribute) => (
            <Fact
              key={`${attribute.name}-${attribute.index}`}
              term={
                <span lang="en" className="break-anywhere">
                  {attribute.name}
                  {attribute.index > 0 ? ` [${attribute.index}]` : ""}
                </span>
              }
            >
              <span className="break-anywhere font-mono text-code">{attribute.value}</span>
            </Fact>
          ))}
        </Facts>
      )}
    </DrawerSection>
  );
}

type Attribute = KekDetail["allAttributes"][number];

/** What people gave the key comes first, then what KMIP keeps of it, each by name. */
function customFirst(a: Attribute, b: Attribute): number {
  const own = (attribute: Attribute) => (/^[xy]-/.test(attribute.name) ? 0 : 1);

  return own(a) - own(b) || a.name.localeCompare(b.name, "en") || a.index - b.index;
}

function RecentEvents({
  instanceId,
  uniqueIdentifier,
}: Readonly<{ instanceId: string; uniqueIdentifier: string }>) {
  const t = useTranslations("keks.drawer");
  const words = useActionWords();
  const list = useInfiniteQuery({
    ...query(listAuditEvents, { instanceId, targetId: uniqueIdentifier, limit: 8 }),
    refetchInterval: 10_000,
  });
  const events = list.data?.pages[0]?.items ?? [];
  const error = replacingError(list);
  const all = `/instances/${instanceId}/audit?range=all&targetId=${encodeURIComponent(uniqueIdentifier)}`;

  return (
    <DrawerSection title={t("events")}>
      {error ? <ProblemNotice error={error} /> : null}
      {events.length === 0 && list.isSuccess ? <p className="text-muted">{t("eventsNone")}</p> : null}
      <ul className="flex flex-col gap-1">
        {events.map((event) => (
          <li key={event.id} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3">
            <Link href={`${all}&event=${event.id}`} className="truncate underline-offset-4 hover:underline">
              {words(event.action)} <span className="text-muted">{event.initiator.name}</span>
            </Link>
            <span className="flex items-center gap-3">
              <Outcome outcome={event.outcome} />
              <span className="w-28 text-end text-muted">
                <Time value={event.eventTime} />
              </span>
            </span>
          </li>
        ))}
      </ul>
      {events.length > 0 ? (
        <Button variant="link" size="small" asChild className="mt-2.5">
          <Link href={all}>{t("eventsAll")}</Link>
        </Button>
      ) : null}
    </DrawerSection>
  );
}
