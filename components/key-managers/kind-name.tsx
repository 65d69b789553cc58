"use client";

import { useKindNames } from "./words";

/** The short name of a kind of key manager. */
export function KindName({ kind }: Readonly<{ kind: string }>) {
  return <>{useKindNames()(kind).short}</>;
}
