"use client";

import { Check, Copy as CopyIcon } from "lucide-react";
import { useTranslations } from "next-intl";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "./button";
import { cn } from "./cn";
import { useToast } from "./toast";

/** Copies `value`; says so in place for two seconds and to screen readers. */
export function CopyButton({
  value,
  what,
  withText = false,
  className,
}: Readonly<{
  value: string;
  /** What is copied, for the button's name: "Copy SHA-256 fingerprint". */
  what: string;
  withText?: boolean;
  className?: string;
}>) {
  const t = useTranslations("common");
  const toast = useToast();
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => () => clearTimeout(timer.current), []);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      // Browsers refuse the clipboard outside of HTTPS and localhost.
      toast({ tone: "bad", title: t("copyRefused") });

      return;
    }

    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 2000);
  };

  return (
    <Button
      variant={withText ? "secondary" : "ghost"}
      size={withText ? "small" : "icon-small"}
      aria-label={t("copyWhat", { what })}
      onClick={copy}
      className={cn(!withText && "size-6 text-muted hover:text-ink [&_svg]:size-3.5", className)}
    >
      {copied ? <Check aria-hidden="true" className="text-ok" /> : <CopyIcon aria-hidden="true" />}
      {withText ? (copied ? t("copied") : t("copy")) : null}
      <span role="status" className="sr-only">
        {copied ? t("copied") : ""}
      </span>
    </Button>
  );
}

/** An identifier, fingerprint or the like, with its copy button. */
export function MonoCopy({
  value,
  display = value,
  what,
  truncate = false,
  className,
}: Readonly<{ value: string; display?: ReactNode; what: string; truncate?: boolean; className?: string }>) {
  return (
    <span className={cn("inline-flex min-w-0 max-w-full items-start gap-1", className)}>
      <span className={cn("min-w-0 font-mono text-code", truncate ? "truncate" : "break-all")}>
        {display}
      </span>
      <CopyButton value={value} what={what} className="-my-0.5" />
    </span>
  );
}

/** Commands or a document to copy. Scrolls sideways rather than break a command. */
export function CodeBlock({
  code,
  what,
  wrap = false,
  scroll = false,
  className,
}: Readonly<{
  code: string;
  what: string;
  wrap?: boolean;
  /** Long documents scroll in a box of their own. */
  scroll?: boolean;
  className?: string;
}>) {
  return (
    <div className={cn("flex min-w-0 items-start rounded-control border border-line bg-sunk", className)}>
      {/* A region that scrolls must be reachable by keyboard (WCAG 2.1.1), and say what it is. */}
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        aria-label={what}
        className={cn("scroll-thin min-w-0 flex-1 overflow-x-auto", scroll && "max-h-96 overflow-y-auto")}
      >
        <pre className={cn("px-3 py-2.5 font-mono text-code", wrap && "break-anywhere whitespace-pre-wrap")}>
          <code>{code}</code>
        </pre>
      </section>
      <CopyButton value={code} what={what} className="m-1.5 size-7" />
    </div>
  );
}
