"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link2, Plus, Trash2 } from "lucide-react";
import { useTranslations } from "next-intl";
import { useMemo, useState } from "react";
import type { Column } from "@/components/data-table/data-table";
import { ResourceList } from "@/components/data-table/resource-list";
import { useProblemWords } from "@/components/errors/problem";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { useMe, useRoleReason } from "@/components/session/use-me";
import { Badge, StateBadge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Select } from "@/components/ui/select";
import { Time } from "@/components/ui/time";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import type { Role } from "@/lib/api/contract/common";
import { role as roleSchema } from "@/lib/api/contract/common";
import { query, queryKey, resourceKey } from "@/lib/api/contract/query";
import { createInvitation } from "@/lib/api/invitations/operations";
import { getMe } from "@/lib/api/me/operations";
import { deleteMember, listMembers, updateMember } from "@/lib/api/members/operations";
import type { Member } from "@/lib/api/members/schemas";
import { InviteDialog, type Invited, LinkDialog } from "./invite-member";

const PER_PAGE = 50;

/** People of the account and their roles. */
export function MemberList() {
  const t = useTranslations("members");
  const reason = useRoleReason()("administrator");
  const [inviting, setInviting] = useState(false);
  const [invited, setInvited] = useState<Invited | null>(null);
  const [removing, setRemoving] = useState<Member | null>(null);
  const list = useInfiniteQuery({
    ...query(listMembers, { limit: PER_PAGE }),
    enabled: reason === undefined,
  });
  const columns = useColumns(setRemoving, setInvited);

  return (
    <>
      <ResourceList
        heading={{
          title: t("title"),
          description: t("description"),
          actions: (
            <Button variant="primary" disabledReason={reason} onClick={() => setInviting(true)}>
              <Plus aria-hidden="true" />
              {t("invite")}
            </Button>
          ),
        }}
        instead={reason ? <Notice tone="warn">{t("needAdministrator")}</Notice> : undefined}
        list={list}
        paging={{ perPage: PER_PAGE, label: t("pages") }}
        skeletonRows={4}
        table={{ label: t("list"), columns, rowKey: (member) => member.userId }}
      />
      <InviteDialog open={inviting} onOpenChange={setInviting} />
      <LinkDialog invited={invited} onClose={() => setInvited(null)} />
      <RemoveMemberDialog member={removing} onClose={() => setRemoving(null)} />
    </>
  );
}

function useColumns(
  onRemove: (member: Member) => void,
  onInvited: (invited: Invited) => void,
): Column<Member>[] {
  const t = useTranslations("members");
  const me = useMe();

  return useMemo(
    (): Column<Member>[] => [
      {
        id: "name",
        header: t("column.name"),
        cell: ({ row: { original: member } }) => (
          <span className="flex flex-wrap items-center gap-2">
            <span className="font-medium">{member.name}</span>
            {member.userId === me.id ? <Badge>{t("you")}</Badge> : null}
            {member.disabled ? <Badge>{t("disabled")}</Badge> : null}
            {member.pending ? <StateBadge tone="warn">{t("pending")}</StateBadge> : null}
          </span>
        ),
      },
      {
        id: "email",
        header: t("column.email"),
        meta: { className: "max-md:hidden" },
        cell: ({ row }) => <span className="break-anywhere">{row.original.email}</span>,
      },
      {
        id: "role",
        header: t("column.role"),
        meta: { className: "w-44" },
        cell: ({ row }) => <RoleSelect member={row.original} />,
      },
      {
        id: "lastSignIn",
        header: t("column.lastSignIn"),
        meta: { className: "max-sm:hidden whitespace-nowrap" },
        cell: ({ row: { original: member } }) =>
          member.invitationExpiresAt ? (
            <span className="text-muted">
              {t.rich("pendingUntil", {
                when: () => <Time value={member.invitationExpiresAt ?? ""} kind="date" />,
              })}
            </span>
          ) : member.lastSignInAt ? (
            <Time value={member.lastSignInAt} />
          ) : (
            <span className="text-muted">{t("neverSignedIn")}</span>
          ),
      },
      {
        id: "added",
        header: t("column.added"),
        meta: { className: "max-lg:hidden whitespace-nowrap" },
        cell: ({ row }) => <Time value={row.original.createdAt} kind="date" />,
      },
      {
        id: "actions",
        header: t("remove.menu"),
        meta: { className: "w-10 text-end whitespace-nowrap", hiddenHeader: true },
        cell: ({ row: { original: member } }) =>
          member.userId === me.id ? null : (
            <>
              {member.pending ? <RenewLink member={member} onInvited={onInvited} /> : null}
              <Button
                variant="ghost"
                size="icon-small"
                className="text-muted hover:text-bad-ink"
                aria-label={t(member.pending ? "withdraw.title" : "remove.title", { name: member.name })}
                onClick={() => onRemove(member)}
              >
                <Trash2 aria-hidden="true" />
              </Button>
            </>
          ),
      },
    ],
    [t, me.id, onRemove, onInvited],
  );
}

/** A role takes effect when it is chosen; the server refuses to take away the last administrator. */
function RoleSelect({ member }: Readonly<{ member: Member }>) {
  const t = useTranslations("members");
  const tRole = useTranslations("common.role");
  const toast = useToast();
  const words = useProblemWords();
  const queryClient = useQueryClient();
  const update = useMutation({
    mutationFn: (next: Role) => call(updateMember, { userId: member.userId, body: { role: next } }),
    onSuccess: (_, next) => toast({ title: t("changed", { name: member.name, role: tRole(next) }) }),
    onError: (error) => {
      const { title, detail } = words(error);
      toast({ tone: "bad", title, detail });
    },
    onSettled: () =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: resourceKey(listMembers) }),
        queryClient.invalidateQueries({ queryKey: queryKey(getMe) }),
      ]),
  });

  return (
    <Select
      aria-label={t("changeRole", { name: member.name })}
      value={update.isPending ? update.variables : member.role}
      onValueChange={(next) => {
        if (next !== member.role) {
          update.mutate(next);
        }
      }}
      options={roleSchema.options.map((value) => ({ value, label: tRole(value) }))}
      className="h-7"
    />
  );
}

/** Another link for somebody who has lost theirs; that of before is worth nothing any more. */
function RenewLink({
  member,
  onInvited,
}: Readonly<{ member: Member; onInvited: (invited: Invited) => void }>) {
  const t = useTranslations("members");
  const toast = useToast();
  const words = useProblemWords();
  const queryClient = useQueryClient();
  const renew = useMutation({
    mutationFn: () =>
      call(createInvitation, { body: { email: member.email, name: member.name, role: member.role } }),
    onSuccess: ({ email, link, expiresAt }) => {
      if (link !== null) {
        onInvited({ email, link, expiresAt });
      }
    },
    onError: (error) => {
      const { title, detail } = words(error);
      toast({ tone: "bad", title, detail });
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: resourceKey(listMembers) }),
    // The answer holds the link: it lives no longer than its dialog.
    gcTime: 0,
  });

  return (
    <Button
      variant="ghost"
      size="icon-small"
      className="text-muted"
      aria-label={t("renew", { name: member.name })}
      pending={renew.isPending}
      onClick={() => renew.mutate()}
    >
      <Link2 aria-hidden="true" />
    </Button>
  );
}

function RemoveMemberDialog({ member, onClose }: Readonly<{ member: Member | null; onClose: () => void }>) {
  const t = useTranslations("members");
  const what = member?.pending ? "withdraw" : "remove";
  const toast = useToast();
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: (target: Member) => call(deleteMember, { userId: target.userId }),
    onSuccess: (_, target) => {
      toast({ title: t(`${what}.done`, { name: target.name }) });
      onClose();
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: resourceKey(listMembers) }),
  });

  return (
    <ConfirmDialog
      open={member !== null}
      onClose={onClose}
      title={t(`${what}.title`, { name: member?.name ?? "" })}
      description={t(`${what}.body`)}
      action={t(`${what}.submit`)}
      call={remove}
      onConfirm={() => {
        if (member) {
          remove.mutate(member);
        }
      }}
    />
  );
}
