"use client";

import { type RefObject, useEffect, useRef } from "react";

/**
 * Moves the focus to the first field or button of what takes another's place. The one that had the focus is gone
 * then, and keyboards and screen readers would start again at the top of the page.
 * @param shown names what is shown now; nothing happens at first
 */
export function useFocusFirst<Container extends HTMLElement>(shown: string): RefObject<Container | null> {
  const container = useRef<Container>(null);
  const before = useRef(shown);

  useEffect(() => {
    if (before.current === shown) {
      return;
    }
    before.current = shown;
    container.current
      ?.querySelector<HTMLElement>("input:not([type=file]),textarea,button:not([disabled])")
      ?.focus();
  }, [shown]);

  return container;
}
