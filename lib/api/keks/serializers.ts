import type { KekDetailView } from "@/lib/core/keks";
import { keyManagerCause } from "@/lib/i18n/key-manager-texts";
import type { Unwritten } from "../contract/handler";
import { english } from "../texts/english";
import type { KekDetail } from "./schemas";

/** What a deletion waits for, in English where the key manager's code is documented. */
function describePendingDeletion(code: string | null): NonNullable<KekDetail["pendingDeletion"]> {
  const known = keyManagerCause(english, code);

  return { code, cause: known?.cause ?? null, remedy: known?.remedy ?? null };
}

/** KEK with all that is known of it. */
export function serializeKekDetail(view: KekDetailView): Unwritten<KekDetail> {
  return {
    ...view,
    pendingDeletion: view.pendingDeletion && describePendingDeletion(view.pendingDeletion.code),
  };
}
