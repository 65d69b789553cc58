"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { ProblemNotice } from "@/components/errors/problem";
import { useMe } from "@/components/session/use-me";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { updateMe } from "@/lib/api/me/operations";
import { PasswordForm } from "./password-form";
import { SessionsPanel } from "./sessions-panel";

/** What concerns the person alone: password, sessions, accounts. */
export function ProfileView() {
  const t = useTranslations("profile");
  const tPassword = useTranslations("auth.password");
  const me = useMe();
  const toast = useToast();

  return (
    <>
      <PageHeader title={t("title")} description={me.email ? `${me.name} · ${me.email}` : me.name} />
      <div className="flex max-w-3xl flex-col gap-5">
        {me.accounts.length > 1 ? <AccountsPanel /> : null}
        <SessionsPanel />
        <Panel title={tPassword("title")} description={tPassword("description")}>
          <PasswordForm onDone={() => toast({ title: tPassword("done") })} />
        </Panel>
      </div>
    </>
  );
}

function AccountsPanel() {
  const t = useTranslations("profile.accounts");
  const tRole = useTranslations("common.role");
  const me = useMe();
  const choose = useMutation({
    mutationFn: (accountId: string) => call(updateMe, { body: { accountId } }),
    // A whole page load: what was read of the other account is left behind.
    onSuccess: () => window.location.assign("/"),
  });

  return (
    <Panel flush title={t("title")} description={t("description")}>
      {choose.isError ? <ProblemNotice error={choose.error} className="m-4" /> : null}
      <ul className="divide-y divide-line">
        {me.accounts.map(({ id, name, role }) => (
          <li key={id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
            <p className="flex min-w-0 flex-1 flex-wrap items-center gap-2">
              <span className="break-anywhere font-medium">{name}</span>
              <span className="text-label text-muted">{tRole(role)}</span>
              {id === me.account.id ? <Badge>{t("current")}</Badge> : null}
            </p>
            {id === me.account.id ? null : (
              <Button
                size="small"
                pending={choose.isPending && choose.variables === id}
                aria-label={t("chooseNamed", { name })}
                onClick={() => choose.mutate(id)}
              >
                {t("choose")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
