"use client";

import { ChevronDown, X } from "lucide-react";
import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Menu, MenuRadioGroup } from "@/components/ui/menu";

/** A filter that holds now, with the button that removes it. */
export function FilterChip({
  name,
  value,
  onRemove,
}: Readonly<{ name: string; value: ReactNode; onRemove: () => void }>) {
  const t = useTranslations("common");

  return (
    <span className="inline-flex h-7 max-w-full items-center gap-1 rounded-control bg-idle-soft ps-2.5 pe-0.5 text-label">
      <span className="truncate">
        <span className="text-muted">{name}: </span>
        {value}
      </span>
      <Button
        variant="ghost"
        size="icon-small"
        aria-label={t("removeFilter", { name })}
        onClick={onRemove}
        className="size-6 text-muted [&_svg]:size-3.5"
      >
        <X aria-hidden="true" />
      </Button>
    </span>
  );
}

/** A menu of one filter's values; the first means "any". */
export function FilterMenu<Value extends string>({
  name,
  value,
  anyLabel,
  options,
  onChange,
}: Readonly<{
  name: string;
  value: Value | null;
  anyLabel: string;
  options: readonly { value: Value; label: ReactNode }[];
  onChange: (value: Value | null) => void;
}>) {
  const chosen = options.find((option) => option.value === value);

  return (
    <Menu
      align="start"
      trigger={
        <Button
          size="small"
          className="h-8 font-normal data-[state=open]:bg-hover"
          aria-label={chosen ? undefined : name}
        >
          {chosen ? (
            <>
              <span className="text-muted">{name}:</span> {chosen.label}
            </>
          ) : (
            name
          )}
          <ChevronDown aria-hidden="true" className="text-muted" />
        </Button>
      }
    >
      <MenuRadioGroup
        value={value ?? ""}
        onValueChange={(next) => onChange(next === "" ? null : (next as Value))}
        options={[{ value: "" as Value | "", label: anyLabel }, ...options]}
      />
    </Menu>
  );
}
