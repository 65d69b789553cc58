"use client";

import { useTranslations } from "next-intl";
import { AlertDialog as Primitive } from "radix-ui";
import type { FormEvent, ReactNode } from "react";
import { Button } from "./button";
import { useReturnFocus } from "./use-return-focus";

/**
 * Asks before something that hurts. The title is verb and object, the button repeats it, and Cancel has the
 * focus: Enter alone never destroys anything.
 */
export function AlertDialog({
  open,
  onOpenChange,
  title,
  description,
  action,
  danger = true,
  pending = false,
  disabledReason,
  onConfirm,
  children,
}: Readonly<{
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description: ReactNode;
  action: ReactNode;
  danger?: boolean;
  pending?: boolean;
  disabledReason?: ReactNode;
  onConfirm: () => void;
  children?: ReactNode;
}>) {
  const t = useTranslations("common");
  const focus = useReturnFocus();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    if (!pending && !disabledReason) {
      onConfirm();
    }
  };

  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Primitive.Content
          onOpenAutoFocus={focus.remember}
          onCloseAutoFocus={focus.giveBack}
          className="fixed inset-x-3 top-[8vh] z-40 mx-auto flex max-h-[84vh] max-w-lg animate-rise flex-col overflow-hidden rounded-panel border border-line bg-panel shadow-float outline-none"
        >
          <form onSubmit={submit} className="flex min-h-0 flex-col" noValidate>
            <div className="scroll-thin flex min-h-0 flex-col gap-4 overflow-y-auto px-5 pt-4 pb-5">
              <div>
                <Primitive.Title className="break-anywhere font-semibold text-head">{title}</Primitive.Title>
                <Primitive.Description asChild>
                  <div className="mt-1.5 text-muted">{description}</div>
                </Primitive.Description>
              </div>
              {children}
            </div>
            <div className="flex flex-wrap justify-end gap-2 border-line border-t bg-sunk px-5 py-3">
              <Primitive.Cancel asChild>
                <Button>{t("cancel")}</Button>
              </Primitive.Cancel>
              <Button
                type="submit"
                variant={danger ? "danger" : "primary"}
                pending={pending}
                disabledReason={disabledReason}
              >
                {action}
              </Button>
            </div>
          </form>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
