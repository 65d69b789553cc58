"use client";

import { ChevronDown, ChevronUp } from "lucide-react";
import Link from "next/link";
import { useTranslations } from "next-intl";
import type { KeyboardEvent, ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { CodeBlock, MonoCopy } from "@/components/ui/copy";
import { Drawer, DrawerSection } from "@/components/ui/dialog";
import { Fact, Facts } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import type { AuditEvent } from "@/lib/api/audit-events/schemas";
import type { AuditFilters } from "./filters";
import { Outcome, shortAction, useActionWords } from "./words";

/** One event in full; arrow keys go to the newer and the older one. */
export function EventDrawer({
  event,
  onClose,
  onStep,
  onFilter,
}: Readonly<{
  event: AuditEvent | undefined;
  onClose: () => void;
  /** -1 newer, 1 older; undefined where there is none. */
  onStep: { newer: (() => void) | undefined; older: (() => void) | undefined };
  onFilter?: (filter: Partial<AuditFilters>) => void;
}>) {
  const t = useTranslations("audit.detail");
  const words = useActionWords();

  const onKeyDown = (keyEvent: KeyboardEvent) => {
    const target = keyEvent.target;
    // Text that scrolls sideways keeps its arrow keys.
    if (target instanceof HTMLElement && target.tagName === "SECTION") {
      return;
    }
    const step =
      keyEvent.key === "ArrowUp" ? onStep.newer : keyEvent.key === "ArrowDown" ? onStep.older : undefined;

    if (step) {
      keyEvent.preventDefault();
      step();
    }
  };

  return (
    <Drawer
      open={event !== undefined}
      onOpenChange={(open) => {
        if (!open) {
          onClose();
        }
      }}
      onKeyDown={onKeyDown}
      title={event ? words(event.action) : ""}
      subtitle={
        event ? (
          <>
            <Outcome outcome={event.outcome} />
            <span className="text-muted">
              <Time value={event.eventTime} />
            </span>
          </>
        ) : undefined
      }
      actions={
        <>
          <Button
            variant="ghost"
            size="icon-small"
            aria-label={t("previous")}
            disabled={!onStep.newer}
            onClick={onStep.newer}
          >
            <ChevronUp aria-hidden="true" />
          </Button>
          <Button
            variant="ghost"
            size="icon-small"
            aria-label={t("next")}
            disabled={!onStep.older}
            onClick={onStep.older}
          >
            <ChevronDown aria-hidden="true" />
          </Button>
        </>
      }
    >
      {event ? <EventDetail event={event} onFilter={onFilter} /> : null}
    </Drawer>
  );
}

type PartProps = Readonly<{
  event: AuditEvent;
  onFilter: ((filter: Partial<AuditFilters>) => void) | undefined;
}>;

function EventDetail(props: PartProps) {
  const t = useTranslations("audit.detail");

  return (
    <>
      <What {...props} />
      <Who {...props} />
      <Target {...props} />
      <Chain {...props} />
      <section className="px-5 py-4">
        <h3 className="mb-2.5 font-semibold">{t("raw")}</h3>
        <CodeBlock code={JSON.stringify(props.event.cadf, null, 2)} what={t("raw")} scroll />
      </section>
    </>
  );
}

/** Shows only the events that share something with this one; nothing where there is no list to narrow. */
function FilterLink({
  onFilter,
  filter,
  className,
  children,
}: Readonly<{
  onFilter: PartProps["onFilter"];
  filter: Partial<AuditFilters>;
  className?: string;
  children: ReactNode;
}>) {
  return onFilter ? (
    <Button variant="link" size="small" className={className} onClick={() => onFilter(filter)}>
      {children}
    </Button>
  ) : null;
}

function What({ event }: PartProps) {
  const t = useTranslations("audit.detail");
  const tSeverity = useTranslations("audit.severity");

  return (
    <DrawerSection title={t("what")}>
      <p lang="en" className="mb-3 break-anywhere">
        {event.message}
      </p>
      <Facts>
        <Fact term={t("action")}>
          <span className="font-mono text-code">{event.action}</span>
        </Fact>
        <Fact term={t("severity")}>{tSeverity(event.severity)}</Fact>
        <Fact term={t("time")}>
          <Time value={event.eventTime} kind="exact" />
          <span className="block font-mono text-code text-muted">{event.eventTime}</span>
        </Fact>
        {event.reason ? (
          <Fact term={t("reason")}>
            <span lang="en">
              {event.reason.code} {event.reason.type}
              {event.reason.forFailure ? <span className="block">{event.reason.forFailure}</span> : null}
            </span>
          </Fact>
        ) : null}
      </Facts>
    </DrawerSection>
  );
}

function Who({ event, onFilter }: PartProps) {
  const t = useTranslations("audit.detail");

  return (
    <DrawerSection title={t("who")}>
      <Facts>
        <Fact term={t("name")}>{event.initiator.name}</Fact>
        <Fact term={t("id")}>
          <MonoCopy value={event.initiator.id} what={t("id")} />
        </Fact>
        {event.initiator.address ? (
          <Fact term={t("address")}>
            <MonoCopy value={event.initiator.address} what={t("address")} />
          </Fact>
        ) : null}
      </Facts>
      <div className="mt-2">
        <FilterLink onFilter={onFilter} filter={{ initiator: event.initiator.id }}>
          {t("filterByWho")}
        </FilterLink>
      </div>
    </DrawerSection>
  );
}

function Target({ event, onFilter }: PartProps) {
  const t = useTranslations("audit.detail");
  const isKek =
    shortAction(event.action).startsWith("kmip-key") &&
    event.instanceId !== null &&
    event.target.id !== event.instanceId;

  return (
    <DrawerSection title={t("target")}>
      <Facts>
        {event.target.name ? <Fact term={t("name")}>{event.target.name}</Fact> : null}
        <Fact term={t("id")}>
          <MonoCopy value={event.target.id} what={t("id")} />
        </Fact>
        {event.instanceId ? (
          <Fact term={t("instance")}>
            <Link
              href={`/instances/${event.instanceId}/overview`}
              className="text-accent-ink underline-offset-4 hover:underline"
            >
              {event.instanceName ?? event.instanceId}
            </Link>
          </Fact>
        ) : null}
      </Facts>
      <div className="mt-2 flex flex-wrap gap-x-4">
        {isKek ? (
          <Button variant="link" size="small" asChild>
            <Link href={`/instances/${event.instanceId}/keks/${encodeURIComponent(event.target.id)}`}>
              {t("openKek")}
            </Link>
          </Button>
        ) : null}
        <FilterLink onFilter={onFilter} filter={{ targetId: event.target.id }}>
          {t("filterByTarget")}
        </FilterLink>
      </div>
    </DrawerSection>
  );
}

function Chain({ event, onFilter }: PartProps) {
  const t = useTranslations("audit.detail");

  return (
    <DrawerSection title={t("chain")}>
      <Facts>
        <Fact term={t("correlation")}>
          <MonoCopy value={event.correlationId} what={t("correlation")} />
          <FilterLink onFilter={onFilter} filter={{ q: event.correlationId }} className="ms-2">
            {t("correlationShow")}
          </FilterLink>
        </Fact>
        <Fact term={t("writer")}>
          <span className="font-mono text-code">{event.chain.node}</span>
        </Fact>
        <Fact term={t("number")}>
          <span className="tabular">{event.chain.sequence}</span>
        </Fact>
        <Fact term={t("hash")}>
          <MonoCopy value={event.chain.hash} what={t("hash")} />
        </Fact>
        <Fact term={t("previousHash")}>
          <MonoCopy value={event.chain.previousHash} what={t("previousHash")} />
        </Fact>
      </Facts>
    </DrawerSection>
  );
}
