"use client";

import { createContext, type ReactNode, use } from "react";

const Context = createContext<string | undefined>(undefined);

/**
 * Hands the page's style nonce to the primitives that add a style element while they are open (select lists,
 * the scroll lock of dialogs): with it the policy needs no 'unsafe-inline' for style elements.
 */
export function NonceProvider({
  nonce,
  children,
}: Readonly<{ nonce: string | undefined; children: ReactNode }>) {
  if (typeof window !== "undefined" && nonce !== undefined) {
    // The scroll lock under Radix dialogs reads webpack's well-known global (package get-nonce).
    Object.assign(globalThis, { __webpack_nonce__: nonce });
  }

  return <Context value={nonce}>{children}</Context>;
}

/** The nonce of this page's style elements. */
export function useNonce(): string | undefined {
  return use(Context);
}
