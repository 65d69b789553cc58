"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { Button } from "@/components/ui/button";

/** The end of a form in a window: what failed, the way out, the way on. */
export function FormEnd({
  call,
  action,
  onCancel,
}: Readonly<{
  call: { isPending: boolean; isError: boolean; error: unknown };
  action: ReactNode;
  onCancel: () => void;
}>) {
  const t = useTranslations("common");

  return (
    <>
      {call.isError ? <ProblemNotice error={call.error} /> : null}
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>{t("cancel")}</Button>
        <Button type="submit" variant="primary" pending={call.isPending}>
          {action}
        </Button>
      </div>
    </>
  );
}
