"use client";

import { useTranslations } from "next-intl";
import { AlertDialog as Primitive } from "radix-ui";
import { type ComponentProps, type FormEvent, type ReactNode, useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { useReturnFocus } from "@/components/ui/use-return-focus";

/** What must be typed before the button does anything. */
type Typed = {
  label: ReactNode;
  expected: string;
  /** Words for another text. */
  mismatch: ReactNode;
  /** How the field looks and helps. */
  input?: Pick<ComponentProps<typeof Input>, "className" | "inputMode">;
};

type FormProps = {
  title: ReactNode;
  /** Identifier of what it is about, where the title does not name it. */
  subject?: string | undefined;
  description: ReactNode;
  action: ReactNode;
  danger?: boolean;
  /** The call that the dialog makes: while it runs there is no second one, and its error is shown. */
  call: { isPending: boolean; isError: boolean; error: unknown; reset: () => void };
  /** Where the call's end is not the end of it. */
  pending?: boolean;
  /** Why it cannot be confirmed now. */
  disabledReason?: ReactNode;
  typed?: Typed;
  /** In the place of the error's own words. */
  problem?: ReactNode;
  /** @param typed what was typed, without spaces around it; empty where nothing has to be */
  onConfirm: (typed: string) => void;
  /** What it leads to, and what has to be said with it. */
  children?: ReactNode;
  /** Further choices, below what has to be typed. */
  below?: ReactNode;
};

/**
 * Asks before something that hurts. The title is verb and object, the button repeats it, and Cancel has the
 * focus: Enter alone never destroys anything. What was typed and what failed are forgotten when it closes.
 */
export function ConfirmDialog({
  open,
  onClose,
  ...form
}: Readonly<FormProps & { open: boolean; onClose: () => void }>) {
  const focus = useReturnFocus();

  return (
    <Primitive.Root
      open={open}
      onOpenChange={(next) => {
        if (!next) {
          form.call.reset();
          onClose();
        }
      }}
    >
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Primitive.Content
          onOpenAutoFocus={focus.remember}
          onCloseAutoFocus={focus.giveBack}
          className="fixed inset-x-3 top-[8vh] z-40 mx-auto flex max-h-[84vh] max-w-lg animate-rise flex-col overflow-hidden rounded-panel border border-line bg-panel shadow-float outline-none"
        >
          <ConfirmForm {...form} />
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

function ConfirmForm({
  title,
  subject,
  description,
  action,
  danger = true,
  call,
  pending = call.isPending,
  disabledReason,
  typed,
  problem,
  onConfirm,
  children,
  below,
}: Readonly<FormProps>) {
  const t = useTranslations("common");
  const [text, setText] = useState("");
  const [tried, setTried] = useState(false);
  const matches = typed === undefined || text.trim() === typed.expected;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    if (pending || disabledReason) {
      return;
    }
    setTried(true);
    if (matches) {
      onConfirm(text.trim());
    }
  };

  return (
    <form onSubmit={submit} className="flex min-h-0 flex-col" noValidate>
      <div className="scroll-thin flex min-h-0 flex-col gap-4 overflow-y-auto px-5 pt-4 pb-5">
        <div>
          <Primitive.Title className="break-anywhere font-semibold text-head">{title}</Primitive.Title>
          <Primitive.Description asChild>
            <div className="mt-1.5 text-muted">
              {subject === undefined ? null : (
                <p className="mb-1.5 break-all font-mono text-code text-ink">{subject}</p>
              )}
              {description}
            </div>
          </Primitive.Description>
        </div>
        {children}
        {typed ? (
          <Field label={typed.label} error={tried && !matches ? typed.mismatch : undefined}>
            <Input
              {...typed.input}
              value={text}
              onChange={(event) => setText(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
          </Field>
        ) : null}
        {below}
        {problem ?? (call.isError ? <ProblemNotice error={call.error} /> : null)}
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
  );
}
