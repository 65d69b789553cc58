"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ProblemNotice, problemOf } from "@/components/errors/problem";
import { ReportChecks } from "@/components/permissions/report";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Empty } from "@/components/ui/empty";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import {
  getInstance,
  getRewrap,
  listInstanceRootKeys,
  listPermissionChecks,
  updateInstance,
} from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import { permissionReport } from "@/lib/api/key-managers/schemas";
import { RootKeyPicker } from "./root-key-picker";

/** Chooses another root key of the instance's key manager. */
export function ChangeRootKey({
  instanceId,
  crk,
  onClose,
}: Readonly<{ instanceId: string; crk: NonNullable<Instance["crk"]>; onClose: () => void }>) {
  const t = useTranslations("settings.rootKey");
  const tCommon = useTranslations("common");
  const toast = useToast();
  const queryClient = useQueryClient();
  const [chosen, setChosen] = useState<string | null>(null);
  const change = useMutation({
    mutationFn: (crkId: string) => call(updateInstance, { id: instanceId, body: { crkId } }),
    onSuccess: (updated) => {
      queryClient.setQueryData(queryKey(getInstance, { id: instanceId }), updated);
      void queryClient.invalidateQueries({ queryKey: queryKey(getRewrap, { id: instanceId }) });
      void queryClient.invalidateQueries({ queryKey: queryKey(listPermissionChecks, { id: instanceId }) });
      toast({ title: t("changed") });
      onClose();
    },
  });
  const report = permissionReport.safeParse(change.isError ? problemOf(change.error).report : null);

  return (
    <Dialog
      open
      wide
      onOpenChange={(next) => {
        if (!next) {
          onClose();
        }
      }}
      title={t("changeTitle")}
      description={t("changeBody")}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (chosen !== null) {
            change.mutate(chosen);
          }
        }}
      >
        <RootKeyChoice
          instanceId={instanceId}
          presentId={crk.id}
          chosen={chosen}
          onChoose={(id) => {
            setChosen(id);
            change.reset();
          }}
        />
        {change.isError ? <ProblemNotice error={change.error} /> : null}
        {report.success ? (
          <div className="rounded-control border border-line">
            <ReportChecks checks={report.data.checks} />
          </div>
        ) : null}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{tCommon("cancel")}</Button>
          <Button
            type="submit"
            variant="primary"
            pending={change.isPending}
            disabledReason={chosen === null ? t("choose") : undefined}
          >
            {t("submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function RootKeyChoice({
  instanceId,
  presentId,
  chosen,
  onChoose,
}: Readonly<{
  instanceId: string;
  presentId: string;
  chosen: string | null;
  onChoose: (id: string) => void;
}>) {
  const t = useTranslations("wizard.rootKey");
  const [search, setSearch] = useState("");
  const list = useInfiniteQuery({
    queryKey: ["instance-root-keys", instanceId, search],
    queryFn: ({ pageParam, signal }) =>
      call(
        listInstanceRootKeys,
        {
          id: instanceId,
          ...(search === "" ? {} : { search }),
          ...(pageParam === null ? {} : { cursor: pageParam }),
        },
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: (previous) => previous,
    retry: false,
  });
  const keys = (list.data?.pages ?? []).flatMap(({ items }) => items).filter(({ id }) => id !== presentId);

  return (
    <div className="overflow-hidden rounded-control border border-line">
      <RootKeyPicker
        list={list}
        keys={keys}
        search={search}
        onSearch={setSearch}
        chosen={chosen}
        onChoose={({ id }) => onChoose(id)}
        empty={<Empty title={t("noMatch")} className="py-8" />}
        className="max-h-72"
      />
    </div>
  );
}
