"use client";

import { X } from "lucide-react";
import { useTranslations } from "next-intl";
import { Toast as Primitive } from "radix-ui";
import { createContext, type ReactNode, use, useCallback, useRef, useState } from "react";
import { ShapeMark } from "./badge";
import { Button } from "./button";

type Toast = {
  tone?: "ok" | "warn" | "bad";
  title: ReactNode;
  detail?: ReactNode;
  /** One thing to do about it. */
  action?: { label: string; onSelect: () => void };
};

type Shown = Toast & { key: number; open: boolean };

const Context = createContext<(toast: Toast) => void>(() => undefined);

/** Says that something happened. What must not be missed belongs on the page instead. */
export function useToast(): (toast: Toast) => void {
  return use(Context);
}

/** Holds the toasts of the page: at most four, eight seconds each, longer while they are read. */
export function ToastProvider({ children }: Readonly<{ children: ReactNode }>) {
  const t = useTranslations("common");
  const [toasts, setToasts] = useState<readonly Shown[]>([]);
  const nextKey = useRef(0);

  const show = useCallback((toast: Toast) => {
    nextKey.current += 1;
    const key = nextKey.current;
    setToasts((current) => [
      ...current.filter((entry) => entry.open).slice(-3),
      { ...toast, key, open: true },
    ]);
  }, []);

  const close = (key: number) =>
    setToasts((current) => current.map((entry) => (entry.key === key ? { ...entry, open: false } : entry)));

  return (
    <Context value={show}>
      <Primitive.Provider duration={8000} label={t("notification")} swipeDirection="right">
        {children}
        {toasts.map(({ key, open, tone = "ok", title, detail, action }) => (
          <Primitive.Root
            key={key}
            open={open}
            type={tone === "bad" ? "foreground" : "background"}
            onOpenChange={(next) => {
              if (!next) {
                close(key);
              }
            }}
            className="flex animate-rise items-start gap-2.5 rounded-panel border border-line bg-panel py-2.5 ps-3.5 pe-2 shadow-float data-[state=closed]:hidden"
          >
            <ShapeMark shape={tone} tone={tone} className="mt-[5.5px]" />
            <div className="min-w-0 flex-1 py-px">
              <Primitive.Title className="break-anywhere font-medium">{title}</Primitive.Title>
              {detail ? (
                <Primitive.Description className="break-anywhere mt-0.5 text-label text-muted">
                  {detail}
                </Primitive.Description>
              ) : null}
              {action ? (
                <Primitive.Action asChild altText={action.label}>
                  <Button size="small" className="mt-2" onClick={action.onSelect}>
                    {action.label}
                  </Button>
                </Primitive.Action>
              ) : null}
            </div>
            <Primitive.Close asChild>
              <Button variant="ghost" size="icon-small" aria-label={t("close")} className="size-6 text-muted">
                <X aria-hidden="true" />
              </Button>
            </Primitive.Close>
          </Primitive.Root>
        ))}
        <Primitive.Viewport
          label={t("notifications", { hotkey: "{hotkey}" })}
          className="fixed end-4 bottom-4 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2 outline-none"
        />
      </Primitive.Provider>
    </Context>
  );
}
