"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { bulkRevokeKeks } from "@/lib/api/keks/operations";
import { RevocationFields, revocationBody, UNSPECIFIED } from "./revocation-fields";
import { useRefreshKeks } from "./use-refresh";

/** What can be done with the selected KEKs: revoke them together, after their number was typed. */
export function BulkBar({
  instanceId,
  selected,
  onDone,
}: Readonly<{ instanceId: string; selected: ReadonlySet<string>; onDone: () => void }>) {
  const t = useTranslations("keks.bulk");
  const tRevoke = useTranslations("keks.revoke");
  const tCommon = useTranslations("common");
  const toast = useToast();
  const refresh = useRefreshKeks(instanceId);
  const [open, setOpen] = useState(false);
  const [revocation, setRevocation] = useState(UNSPECIFIED);
  const count = selected.size;

  const revoke = useMutation({
    mutationFn: (confirmCount: number) =>
      call(bulkRevokeKeks, {
        id: instanceId,
        body: { uniqueIdentifiers: [...selected], ...revocationBody(revocation), confirmCount },
      }),
    onSuccess: ({ results }) => {
      const done = results.filter((result) => result.ok).length;
      if (done > 0) {
        toast({ title: t("done", { count: done }) });
      }

      if (done === results.length) {
        setOpen(false);
        onDone();
      }
    },
    onSettled: refresh,
  });
  const failed = revoke.data?.results.filter((result) => !result.ok) ?? [];

  return (
    <div className="flex flex-wrap items-center gap-3 border-line border-b bg-accent-soft px-4 py-2">
      <span role="status" className="font-medium">
        {t("selected", { count })}
      </span>
      <Button size="small" variant="danger-quiet" onClick={() => setOpen(true)}>
        {t("revoke", { count })}
      </Button>
      <Button size="small" variant="ghost" onClick={onDone}>
        {tCommon("clear")}
      </Button>
      <ConfirmDialog
        open={open}
        onClose={() => setOpen(false)}
        title={t("title", { count })}
        description={tRevoke("body")}
        action={t("revoke", { count })}
        call={revoke}
        typed={{
          label: t("confirm"),
          expected: String(count),
          mismatch: t("mismatch"),
          input: { inputMode: "numeric" },
        }}
        onConfirm={(typed) => revoke.mutate(Number(typed))}
        below={
          failed.length > 0 ? (
            <Notice tone="bad" live title={t("failed", { count: failed.length })}>
              <ul>
                {failed.map((result) => (
                  <li key={result.uniqueIdentifier}>
                    <span className="break-all font-mono text-code">{result.uniqueIdentifier}</span>{" "}
                    <span lang="en">{result.detail ?? result.code}</span>
                  </li>
                ))}
              </ul>
            </Notice>
          ) : null
        }
      >
        <RevocationFields value={revocation} onChange={setRevocation} hint={tRevoke("undo")} />
      </ConfirmDialog>
    </div>
  );
}
