import { randomBytes, timingSafeEqual } from "node:crypto";
import { type CallContext, type KeyManager, KeyManagerError } from "../key-manager";

/**
 * Wraps and unwraps a random probe under a root key. Nothing is stored.
 * @returns false when other bytes came back than were wrapped
 * @throws KeyManagerError
 */
export async function probeWrap(
  keyManager: Pick<KeyManager, "wrap" | "unwrap">,
  crkId: string,
  call: CallContext,
): Promise<boolean> {
  const probe = randomBytes(32);
  const aad = ["permission-check", call.correlationId.slice(0, 200)];
  let back: Uint8Array | null = null;

  try {
    const wrapped = await keyManager.wrap(crkId, probe, aad, call);
    back = (await keyManager.unwrap(crkId, wrapped.bytes, aad, call)).plaintext;

    return back.byteLength === probe.byteLength && timingSafeEqual(back, probe);
  } finally {
    probe.fill(0);
    back?.fill(0);
  }
}

/** A failure of a key manager that checks expect. @throws anything else, which is a bug */
export function expectedOfKeyManager(error: unknown): KeyManagerError {
  if (error instanceof KeyManagerError) {
    return error;
  }

  throw error;
}
