"use client";

import { Download } from "lucide-react";
import { useTranslations } from "next-intl";
import { DropdownMenu } from "radix-ui";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Menu, MenuLabel } from "@/components/ui/menu";
import { exportAuditEvents } from "@/lib/api/audit-events/operations";
import { apiUrl } from "@/lib/api/contract/call";
import type { ValuesOf } from "@/lib/api/contract/operation";

/** Links by which the browser streams the matching events to a file. */
export function ExportMenu({ query }: Readonly<{ query: ValuesOf<typeof exportAuditEvents> }>) {
  const t = useTranslations("audit");
  const reason = useRoleReason()("auditor");

  if (reason) {
    return (
      <Button disabledReason={reason}>
        <Download aria-hidden="true" />
        {t("export")}
      </Button>
    );
  }

  return (
    <Menu
      trigger={
        <Button>
          <Download aria-hidden="true" />
          {t("export")}
        </Button>
      }
    >
      <MenuLabel>{t("exportHint")}</MenuLabel>
      {(["csv", "ndjson"] as const).map((format) => (
        <DropdownMenu.Item key={format} asChild>
          <a
            href={apiUrl(exportAuditEvents, { ...query, format })}
            download
            className="flex cursor-default items-center rounded-[4px] px-2 py-1.5 outline-none data-highlighted:bg-hover"
          >
            {t(format === "csv" ? "exportCsv" : "exportNdjson")}
          </a>
        </DropdownMenu.Item>
      ))}
    </Menu>
  );
}
