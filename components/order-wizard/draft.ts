import { z } from "zod";
import type { Provider } from "@/components/key-managers/providers";
import { keyManagerKind } from "@/lib/api/contract/common";

/**
 * What survives a reload, in this tab's session storage. The API key or PIN is no part of it: it is kept in memory
 * only and has to be entered again.
 */
const draftSchema = z.object({
  name: z.string(),
  region: z.string(),
  resourceGroup: z.string(),
  kind: keyManagerKind,
  /** Without a credential: the key manager authorizes the ordered instance. */
  authorization: z.boolean().default(false),
  /** The key manager is chosen after ordering. */
  later: z.boolean(),
  keyManager: z.object({ crn: z.string(), name: z.string(), region: z.string() }).nullable(),
  /** Base URL in place of the one that the key manager's maker names; empty for that one. */
  endpoint: z.string().default(""),
  /** Filter of the root keys; null shows all key rings. */
  keyRing: z.string().nullable(),
  rootKey: z.object({ id: z.string(), name: z.string(), keyRing: z.string() }).nullable(),
  certificates: z.array(
    z.object({
      name: z.string(),
      pem: z.string(),
      sha256: z.string(),
      subject: z.string(),
      notAfter: z.string(),
    }),
  ),
});

export type Draft = z.output<typeof draftSchema>;
export type DraftCertificate = Draft["certificates"][number];

/** What another kind of key manager, or another way to it, begins with. */
export const NOTHING_CHOSEN = {
  keyManager: null,
  endpoint: "",
  keyRing: null,
  rootKey: null,
} satisfies Partial<Draft>;

/** A draft at its start. */
export function emptyDraft(kind: Draft["kind"]): Draft {
  return {
    name: "",
    region: "",
    resourceGroup: "",
    kind,
    authorization: false,
    later: false,
    ...NOTHING_CHOSEN,
    certificates: [],
  };
}

/** The draft with which an instance is activated that was ordered to be authorized by this kind of key manager. */
export function authorizationDraft(kind: Draft["kind"]): Draft {
  return { ...emptyDraft(kind), authorization: true };
}

/** Where the draft of activating an instance is kept. */
export function activationKey(instanceId: string): string {
  return `activate-${instanceId}`;
}

/** A stored draft, or null when there is none that can be read, or none for a kind of key manager that there is. */
export function parseDraft(text: string | null, providers: readonly Provider[]): Draft | null {
  if (text === null) {
    return null;
  }

  try {
    const { data } = draftSchema.safeParse(JSON.parse(text));

    return data && providers.some(({ kind }) => kind === data.kind) ? data : null;
  } catch {
    // Session storage is the reader's: what is no draft of ours is left out.
    return null;
  }
}
