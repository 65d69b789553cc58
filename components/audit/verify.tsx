"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { MonoCopy } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { verifyAuditEvents } from "@/lib/api/audit-events/operations";
import type { AuditVerification } from "@/lib/api/audit-events/schemas";
import { call } from "@/lib/api/contract/call";

/** Checks the audit chains and shows what came out. */
export function VerifyButton() {
  const t = useTranslations("audit");
  const reason = useRoleReason()("auditor");
  const [open, setOpen] = useState(false);
  const verify = useMutation({ mutationFn: () => call(verifyAuditEvents, {}) });

  return (
    <>
      <Button
        disabledReason={reason}
        onClick={() => {
          setOpen(true);
          verify.mutate();
        }}
      >
        {t("verify")}
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={t("verifyTitle")} description={t("verifyBody")} wide>
        {verify.isPending ? (
          <p role="status" className="flex items-center gap-2">
            <Spinner className="text-accent" />
            {t("verifying")}
          </p>
        ) : null}
        {verify.isError ? <ProblemNotice error={verify.error} onRetry={() => verify.mutate()} /> : null}
        {verify.data ? <Verification result={verify.data} /> : null}
      </Dialog>
    </>
  );
}

function Verification({ result }: Readonly<{ result: AuditVerification }>) {
  const t = useTranslations("audit");

  return (
    <div className="flex flex-col gap-4">
      {result.ok ? (
        <Notice tone="ok" live>
          {t("verifyOk", { count: result.checked })}
        </Notice>
      ) : (
        <Notice tone="bad" live title={t("verifyBroken")}>
          {result.firstBreak
            ? t("verifyBrokenBody", {
                node: result.firstBreak.node,
                sequence: String(result.firstBreak.sequence),
                problem: result.firstBreak.problem,
                count: result.checked,
              })
            : null}
        </Notice>
      )}
      {result.heads.length > 0 ? (
        <div className="scroll-thin overflow-x-auto rounded-control border border-line">
          <table className="w-full" aria-label={t("heads")}>
            <thead>
              <tr className="text-label text-muted">
                <th scope="col" className="px-3 py-2">
                  {t("headColumn.node")}
                </th>
                <th scope="col" className="px-3 py-2 text-end">
                  {t("headColumn.sequence")}
                </th>
                <th scope="col" className="px-3 py-2">
                  {t("headColumn.hash")}
                </th>
              </tr>
            </thead>
            <tbody>
              {result.heads.map((head) => (
                <tr key={head.node} className="border-line border-t">
                  <td className="px-3 py-1.5 font-mono text-code">{head.node}</td>
                  <td className="tabular px-3 py-1.5 text-end">{head.sequence}</td>
                  <td className="px-3 py-1.5">
                    <MonoCopy
                      value={head.hash}
                      display={`${head.hash.slice(0, 24)}…`}
                      what={t("headColumn.hash")}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </div>
  );
}
