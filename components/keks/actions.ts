import type { Kek } from "@/lib/api/keks/schemas";

/** What can be done with a KEK. */
export type KekAction = "revoke" | "restore" | "destroy";

/** Asks for an action on a KEK; its dialog opens. */
export type OnKekAction = (action: KekAction, kek: Kek) => void;
