"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { AlertDialog } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Select } from "@/components/ui/select";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { bulkRevokeKeks } from "@/lib/api/keks/operations";
import { type RevocationReason, revocationReason } from "@/lib/api/keks/schemas";
import { useRefreshKeks } from "./use-refresh";

/** What can be done with the selected KEKs: revoke them together, after their number was typed. */
export function BulkBar({
  instanceId,
  selected,
  onDone,
}: Readonly<{ instanceId: string; selected: ReadonlySet<string>; onDone: () => void }>) {
  const t = useTranslations("keks.bulk");
  const tRevoke = useTranslations("keks.revoke");
  const tReason = useTranslations("keks.reason");
  const tCommon = useTranslations("common");
  const toast = useToast();
  const refresh = useRefreshKeks(instanceId);
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState<RevocationReason>("unspecified");
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const count = selected.size;
  const matches = typed.trim() === String(count);

  const revoke = useMutation({
    mutationFn: () =>
      call(bulkRevokeKeks, {
        id: instanceId,
        body: {
          uniqueIdentifiers: [...selected],
          reason,
          confirmCount: Number(typed),
        },
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
      <AlertDialog
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          if (!next) {
            setTyped("");
            setTried(false);
            revoke.reset();
          }
        }}
        title={t("title", { count })}
        description={tRevoke("body")}
        action={t("revoke", { count })}
        pending={revoke.isPending}
        onConfirm={() => {
          setTried(true);
          if (matches) {
            revoke.mutate();
          }
        }}
      >
        <Field label={tRevoke("reason")} hint={tRevoke("undo")}>
          <Select
            value={reason}
            onValueChange={setReason}
            options={revocationReason.options.map((value) => ({ value, label: tReason(value) }))}
          />
        </Field>
        <Field label={t("confirm")} error={tried && !matches ? t("mismatch") : undefined}>
          <Input
            value={typed}
            inputMode="numeric"
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
        </Field>
        {failed.length > 0 ? (
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
        ) : null}
        {revoke.isError ? <ProblemNotice error={revoke.error} /> : null}
      </AlertDialog>
    </div>
  );
}
