"use client";

import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { cn } from "@/components/ui/cn";
import { controlStyles } from "@/components/ui/field";

/** A search that follows the typing, a quarter of a second behind. */
export function SearchBox({
  label,
  placeholder,
  value,
  onSearch,
  className,
}: Readonly<{
  label: string;
  placeholder?: string;
  value: string;
  onSearch: (text: string) => void;
  className?: string;
}>) {
  const [text, setText] = useState(value);
  const [given, setGiven] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  // The filter was changed from outside (a chip removed, the back button): show that.
  if (given !== value) {
    setGiven(value);
    setText(value);
  }

  useEffect(() => () => clearTimeout(timer.current), []);

  const search = (next: string, wait: number) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setGiven(next.trim());
      onSearch(next.trim());
    }, wait);
  };

  return (
    <search className={cn("relative block min-w-0", className)}>
      <Search aria-hidden="true" className="pointer-events-none absolute start-2.5 top-2 size-4 text-muted" />
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder ?? label}
        value={text}
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => search(event.target.value, 250)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            search(text, 0);
          }
        }}
        className={cn(controlStyles, "h-8 ps-8 pe-2.5")}
      />
    </search>
  );
}
