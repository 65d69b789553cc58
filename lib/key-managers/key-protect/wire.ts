import { z } from "zod";
import type { KeyManagerKeyState } from "../key-manager";

/** Base64 as Key Protect writes it, decoded. Anything else is refused rather than silently cut. */
const base64 = z
  .string()
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, "is no base64")
  .transform((text): Uint8Array => Buffer.from(text, "base64"));

/** State numbers of the Key Protect API ("Key states"); there is no 4. */
const STATES: { readonly [state: number]: KeyManagerKeyState } = {
  0: "preActive",
  1: "active",
  2: "suspended",
  3: "deactivated",
  5: "destroyed",
};

const keyState = z.number().transform((state, context): KeyManagerKeyState => {
  const name = STATES[state];

  if (name === undefined) {
    context.addIssue({ code: "custom", message: "is no key state" });

    return z.NEVER;
  }

  return name;
});

/** A key of `GET /keys`, `GET /keys/{id}/metadata`, `POST /keys`. */
const key = z.object({
  id: z.string().min(1),
  name: z.string().default(""),
  description: z.string().nullish(),
  state: keyState,
  extractable: z.boolean(),
  expirationDate: z.string().nullish(),
  algorithmBitSize: z.number().nullish(),
  algorithmType: z.string().nullish(),
  lastRotateDate: z.string().nullish(),
  keyVersion: z.object({ id: z.string() }).nullish(),
  keyRingID: z.string().default("default"),
  deleted: z.boolean().default(false),
  dualAuthDelete: z.object({ enabled: z.boolean().default(false) }).nullish(),
});

/** `GET /keys/{id}` of a standard key. A destroyed key has no payload. */
const keyWithPayload = key.extend({ payload: base64.optional() });

const keyRing = z.object({ id: z.string().min(1) });

const instancePolicy = z.object({
  policy_type: z.string(),
  policy_data: z.object({
    enabled: z.boolean().default(false),
    attributes: z.record(z.string(), z.unknown()).nullish(),
  }),
});

/** The envelope around every collection. An empty one may lack `resources`. */
function envelope<Resource extends z.ZodType>(resource: Resource) {
  return z.object({ resources: z.array(resource).default([]) });
}

export const keyEnvelope = envelope(key);
export const keyWithPayloadEnvelope = envelope(keyWithPayload);
export const keyRingEnvelope = envelope(keyRing);
export const instancePolicyEnvelope = envelope(instancePolicy);
/** `POST /keys` is read for the new key's id only: whatever else it says, the key exists. */
export const createdKeyEnvelope = envelope(z.object({ id: z.string().min(1) }));

const keyVersion = z.object({ id: z.string() }).nullish();

export const wrapResponse = z.object({ ciphertext: base64, keyVersion });

/**
 * The rewrapped text comes back in `ciphertext`, beside `rewrappedKeyVersion` (there is no `rewrappedCiphertext`), and
 * only when the version that had wrapped it is retired.
 */
export const unwrapResponse = z.object({
  plaintext: base64,
  keyVersion,
  ciphertext: base64.nullish(),
  rewrappedKeyVersion: keyVersion,
});

/** The error body; `reasons` is absent when access is refused. */
export const errorBody = z.object({
  resources: z
    .array(
      z.object({
        errorMsg: z.string().optional(),
        reasons: z.array(z.object({ code: z.string() })).optional(),
      }),
    )
    .default([]),
});

export type WireKey = z.output<typeof key>;
export type InstancePolicy = {
  readonly type: string;
  readonly enabled: boolean;
  readonly attributes: { readonly [name: string]: unknown };
};
