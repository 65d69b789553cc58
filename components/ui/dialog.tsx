"use client";

import { X } from "lucide-react";
import { useTranslations } from "next-intl";
import { Dialog as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { Button } from "./button";
import { cn } from "./cn";
import { useReturnFocus } from "./use-return-focus";

/** A window over the page, for a task that must be finished or left first. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  wide = false,
  children,
}: Readonly<{
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}>) {
  const focus = useReturnFocus();

  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Primitive.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          onCloseAutoFocus={focus.giveBack}
          // The task comes first, not the button that leaves it.
          onOpenAutoFocus={(event) => {
            focus.remember();
            const first =
              event.currentTarget instanceof HTMLElement &&
              event.currentTarget.querySelector<HTMLElement>(
                "[data-dialog-body] :is(input:not([type=file]), textarea, button, [tabindex='0'])",
              );

            if (first) {
              event.preventDefault();
              first.focus();
            }
          }}
          className={cn(
            "fixed inset-x-3 top-[8vh] z-40 mx-auto flex max-h-[84vh] max-w-lg animate-rise flex-col overflow-hidden rounded-panel border border-line bg-panel shadow-float outline-none",
            wide && "max-w-3xl",
          )}
        >
          <DialogHead title={title} description={description} />
          <div data-dialog-body className="scroll-thin min-h-0 overflow-y-auto px-5 pb-5">
            {children}
          </div>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

/** A panel at the page's edge, for the details of one thing; it has its own URL, so closing goes back. */
export function Drawer({
  open,
  onOpenChange,
  title,
  subtitle,
  actions,
  footer,
  onKeyDown,
  children,
}: Readonly<{
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  subtitle?: ReactNode;
  actions?: ReactNode;
  footer?: ReactNode;
  onKeyDown?: (event: React.KeyboardEvent) => void;
  children: ReactNode;
}>) {
  const focus = useReturnFocus();

  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-30 animate-fade bg-scrim" />
        <Primitive.Content
          aria-describedby={undefined}
          onKeyDown={onKeyDown}
          onCloseAutoFocus={focus.giveBack}
          // The drawer is for reading: the focus goes to it, not to the first button in it.
          onOpenAutoFocus={(event) => {
            focus.remember();
            event.preventDefault();
            if (event.currentTarget instanceof HTMLElement) {
              event.currentTarget.focus();
            }
          }}
          className="fixed inset-y-0 end-0 z-30 flex w-full max-w-[560px] animate-slide flex-col border-line border-s bg-panel shadow-float outline-none"
        >
          <div className="flex items-start gap-3 border-line border-b px-5 py-3.5">
            <div className="min-w-0 flex-1">
              <Primitive.Title className="break-anywhere font-semibold text-head">{title}</Primitive.Title>
              {subtitle ? <div className="mt-1 flex flex-wrap items-center gap-2">{subtitle}</div> : null}
            </div>
            <div className="flex shrink-0 items-center gap-1">
              {actions}
              <CloseButton />
            </div>
          </div>
          <div className="scroll-thin min-h-0 flex-1 overflow-y-auto">{children}</div>
          {footer ? (
            <div className="flex flex-wrap items-center justify-end gap-2 border-line border-t px-5 py-3">
              {footer}
            </div>
          ) : null}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

/** A part of a drawer, under its heading. */
export function DrawerSection({ title, children }: Readonly<{ title: ReactNode; children: ReactNode }>) {
  return (
    <section className="border-line border-b px-5 py-4 last:border-b-0">
      <h3 className="mb-2.5 font-semibold">{title}</h3>
      {children}
    </section>
  );
}

function DialogHead({ title, description }: Readonly<{ title: ReactNode; description?: ReactNode }>) {
  return (
    <div className="flex items-start gap-3 px-5 pt-4 pb-3">
      <div className="min-w-0 flex-1">
        <Primitive.Title className="break-anywhere font-semibold text-head">{title}</Primitive.Title>
        {description ? (
          <Primitive.Description className="mt-1 text-muted">{description}</Primitive.Description>
        ) : null}
      </div>
      <CloseButton />
    </div>
  );
}

function CloseButton() {
  const t = useTranslations("common");

  return (
    <Primitive.Close asChild>
      <Button variant="ghost" size="icon-small" aria-label={t("close")} className="-me-1.5 text-muted">
        <X aria-hidden="true" />
      </Button>
    </Primitive.Close>
  );
}
