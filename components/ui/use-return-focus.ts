"use client";

import { useRef } from "react";

/**
 * Gives the focus back, when a window closes, to what had it when the window opened. Windows here are opened by
 * state or by the URL and have no trigger of their own, so Radix alone would leave the focus nowhere.
 */
export function useReturnFocus() {
  const origin = useRef<HTMLElement | null>(null);

  return {
    remember: () => {
      const focused = document.activeElement;
      const menu = focused?.closest("[role=menu]");
      // A menu is gone by then; its button is still there.
      const opener = menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : focused;
      origin.current = opener instanceof HTMLElement && opener !== document.body ? opener : null;
    },
    giveBack: (event: Event) => {
      event.preventDefault();
      if (origin.current?.isConnected) {
        origin.current.focus();
      }
    },
  };
}
