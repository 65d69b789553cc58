"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Download, Eye, KeyRound, MoreHorizontal, Pencil, Plus, Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { useTranslations } from "next-intl";
import { parseAsString, parseAsStringLiteral, useQueryState } from "nuqs";
import { useMemo, useState } from "react";
import type { Column } from "@/components/data-table/data-table";
import { ResourceList } from "@/components/data-table/resource-list";
import { useInstance } from "@/components/instances/use-instance";
import { useRoleReason } from "@/components/session/use-me";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Mark } from "@/components/ui/mark";
import { Menu, MenuItem, MenuSeparator } from "@/components/ui/menu";
import { Time } from "@/components/ui/time";
import { listClientCertificates } from "@/lib/api/client-certificates/operations";
import type { ClientCertificate } from "@/lib/api/client-certificates/schemas";
import { query } from "@/lib/api/contract/query";
import { AddCertificateDialog } from "./add-dialog";
import { CertificateDrawer } from "./certificate-drawer";
import { Expiry } from "./expiry";
import { RemoveCertificateDialog, RenameCertificateDialog } from "./manage-dialogs";
import { saveCertificate } from "./save-certificate";
import { SignCsrDialog } from "./sign-dialog";
import { oneLine } from "./subject";

const PER_PAGE = 50;

/** The certificates by which an instance's clients are known. */
export function CertificateList({ instanceId }: Readonly<{ instanceId: string }>) {
  const t = useTranslations("certificates");
  const roleReason = useRoleReason()("operator");
  const instance = useInstance(instanceId);
  const [adding, setAdding] = useQueryState("add", parseAsStringLiteral(["upload", "sign"] as const));
  const [openId, setOpenId] = useQueryState("certificate", parseAsString.withOptions({ history: "push" }));
  const [managing, setManaging] = useState<{
    what: "rename" | "remove";
    certificate: ClientCertificate;
  } | null>(null);
  const list = useInfiniteQuery({
    ...query(listClientCertificates, { id: instanceId, limit: PER_PAGE }),
    refetchInterval: 10_000,
  });
  const columns = useColumns({
    onOpen: (certificate) => void setOpenId(certificate.id),
    onManage: (what, certificate) => setManaging({ what, certificate }),
    instanceId,
  });
  const opened = list.data?.pages
    .flatMap((page) => page.items)
    .find((certificate) => certificate.id === openId);

  const buttons = (
    <>
      <Button disabledReason={roleReason} onClick={() => void setAdding("sign")}>
        {t("sign")}
      </Button>
      <Button variant="primary" disabledReason={roleReason} onClick={() => void setAdding("upload")}>
        <Plus aria-hidden="true" />
        {t("add")}
      </Button>
    </>
  );

  return (
    <>
      <ResourceList
        panel={{ title: t("title"), description: t("description"), actions: buttons }}
        list={list}
        paging={{ perPage: PER_PAGE, label: t("pages"), key: instanceId }}
        skeletonRows={4}
        table={{
          label: t("list"),
          columns,
          rowKey: (certificate) => certificate.id,
          onOpen: (certificate) => void setOpenId(certificate.id),
          isOpen: (certificate) => certificate.id === openId,
        }}
        empty={
          <Empty mark={<Mark className="h-8 w-14" />} title={t("empty.title")}>
            {t("empty.body")}
          </Empty>
        }
      />

      <AddCertificateDialog
        instanceId={instanceId}
        open={adding === "upload" && !roleReason}
        onOpenChange={(open) => void setAdding(open ? "upload" : null)}
      />
      <SignCsrDialog
        instanceId={instanceId}
        open={adding === "sign" && !roleReason}
        onOpenChange={(open) => void setAdding(open ? "sign" : null)}
      />
      <CertificateDrawer
        certificate={opened}
        onClose={() => void setOpenId(null)}
        onManage={(what, certificate) => setManaging({ what, certificate })}
      />
      <RenameCertificateDialog
        instanceId={instanceId}
        certificate={managing?.what === "rename" ? managing.certificate : null}
        onClose={() => setManaging(null)}
      />
      <RemoveCertificateDialog
        instanceId={instanceId}
        certificate={managing?.what === "remove" ? managing.certificate : null}
        isLast={instance.counts.clientCertificates <= 1}
        onClose={() => {
          setManaging(null);
          void setOpenId(null);
        }}
      />
    </>
  );
}

function useColumns({
  onOpen,
  onManage,
  instanceId,
}: {
  onOpen: (certificate: ClientCertificate) => void;
  onManage: (what: "rename" | "remove", certificate: ClientCertificate) => void;
  instanceId: string;
}): Column<ClientCertificate>[] {
  const t = useTranslations("certificates");

  // biome-ignore lint/correctness/useExhaustiveDependencies: the callbacks only set state; new columns each render would rebuild the table
  return useMemo(
    (): Column<ClientCertificate>[] => [
      {
        id: "name",
        header: t("column.name"),
        meta: { className: "max-lg:w-full max-lg:max-w-0" },
        cell: ({ row: { original: certificate } }) => (
          <span className="flex items-center gap-2 lg:max-w-80">
            <button
              type="button"
              onClick={() => onOpen(certificate)}
              className="min-w-0 truncate text-start font-medium underline-offset-4 hover:underline"
            >
              {certificate.name}
            </button>
            {certificate.origin === "signed" ? <Badge>{t("signed")}</Badge> : null}
          </span>
        ),
      },
      {
        id: "subject",
        header: t("column.subject"),
        meta: { className: "max-lg:hidden w-full max-w-0" },
        cell: ({ row }) => (
          <span className="block truncate text-muted" title={row.original.subject}>
            {oneLine(row.original.subject)}
          </span>
        ),
      },
      {
        id: "fingerprint",
        header: t("column.fingerprint"),
        meta: { className: "max-xl:hidden" },
        cell: ({ row }) => <span className="font-mono text-code">{row.original.sha256.slice(0, 16)}…</span>,
      },
      {
        id: "expires",
        header: t("column.expires"),
        meta: { className: "max-sm:hidden" },
        cell: ({ row }) => <Expiry notAfter={row.original.notAfter} />,
      },
      {
        id: "lastSeen",
        header: t("column.lastSeen"),
        cell: ({ row: { original: certificate } }) =>
          certificate.lastSeenAt ? (
            <span className="whitespace-nowrap">
              <Time value={certificate.lastSeenAt} />{" "}
              {certificate.lastSeenAddress ? (
                <span className="text-muted max-md:hidden">
                  {t("from", { address: certificate.lastSeenAddress })}
                </span>
              ) : null}
            </span>
          ) : (
            <span className="text-muted">{t("neverSeen")}</span>
          ),
      },
      {
        id: "actions",
        header: t("column.name"),
        meta: { className: "w-10 text-end", hiddenHeader: true },
        cell: ({ row }) => (
          <RowMenu certificate={row.original} onOpen={onOpen} onManage={onManage} instanceId={instanceId} />
        ),
      },
    ],
    [t, instanceId],
  );
}

function RowMenu({
  certificate,
  onOpen,
  onManage,
  instanceId,
}: Readonly<{
  certificate: ClientCertificate;
  onOpen: (certificate: ClientCertificate) => void;
  onManage: (what: "rename" | "remove", certificate: ClientCertificate) => void;
  instanceId: string;
}>) {
  const t = useTranslations("certificates.menu");
  const tCommon = useTranslations("common");
  const roleReason = useRoleReason()("operator");
  const router = useRouter();

  return (
    <Menu
      trigger={
        <Button
          variant="ghost"
          size="icon-small"
          aria-label={tCommon("actionsFor", { name: certificate.name })}
        >
          <MoreHorizontal aria-hidden="true" />
        </Button>
      }
    >
      <MenuItem onSelect={() => onOpen(certificate)}>
        <Eye aria-hidden="true" />
        {t("details")}
      </MenuItem>
      <MenuItem onSelect={() => router.push(`/instances/${instanceId}/keks?certificateId=${certificate.id}`)}>
        <KeyRound aria-hidden="true" />
        {t("keks")}
      </MenuItem>
      <MenuItem onSelect={() => saveCertificate(certificate)}>
        <Download aria-hidden="true" />
        {t("download")}
      </MenuItem>
      <MenuItem disabledReason={roleReason} onSelect={() => onManage("rename", certificate)}>
        {roleReason ? null : <Pencil aria-hidden="true" />}
        {t("rename")}
      </MenuItem>
      <MenuSeparator />
      <MenuItem danger disabledReason={roleReason} onSelect={() => onManage("remove", certificate)}>
        {roleReason ? null : <Trash2 aria-hidden="true" />}
        {t("remove")}
      </MenuItem>
    </Menu>
  );
}
