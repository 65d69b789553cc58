import { randomBytes } from "node:crypto";

import { z } from "zod";

import { HOUR, SECOND, toStoredDate } from "../clock";
import type { SandboxResponse } from "../http/types";
import type { KmsAction } from "../iam/roles";
import type { KeyRecord } from "../store/model";
import { put } from "../store/store";
import { checkFields, type KmsCall, noContent, optionalJson, requiredJson, requireKey } from "./call";
import { decodeBase64, unwrapWith, wrapWith } from "./crypto";
import { invalidField, kmsError } from "./errors";
import { bringsMaterial, importedMaterial, importFields } from "./key-import";
import { withMaterial, withNewVersion } from "./key-material";
import { deletionAuthorizedUntil, latestVersion, stateAt } from "./key-view";
import { syncKey } from "./keys";

const WHAT = "Action could not be performed on key";
/** How long after a disable an enable is refused, unless waits are relaxed. */
const ENABLE_WAIT = 30 * SECOND;
/** Not documented; as for standard keys, so that what can be stored can be wrapped. */
const MAX_PLAINTEXT_BYTES = 7500;

const aadSchema = z.array(z.string().max(255)).max(255).optional();
const wrapSchema = z.object({ plaintext: z.string().optional(), aad: aadSchema });
const unwrapSchema = z.object({ ciphertext: z.string().min(1), aad: aadSchema });
const rotateSchema = z.object(importFields);

/** A root key in one of these states; KEY_ROOT_REQ_ERR, KEY_DELETED_ERR, KEY_ACTION_INVALID_STATE_ERR else. */
function requireRootKey(call: KmsCall, action: KmsAction, states: readonly number[]): KeyRecord {
  const key = requireKey(call, action);
  const state = stateAt(key, call.context.clock.now());
  if (key.extractable) {
    throw kmsError("KEY_ROOT_REQ_ERR", { what: WHAT });
  }
  if (state === 5) {
    throw kmsError("KEY_DELETED_ERR", { what: WHAT });
  }
  if (states.includes(state)) {
    return key;
  }
  // A key deactivates by expiring only.
  throw kmsError(state === 3 ? "KEY_EXPIRED_ERR" : "KEY_ACTION_INVALID_STATE_ERR", { what: WHAT });
}

function wrapLatest(call: KmsCall, key: KeyRecord, plaintext: Uint8Array, aad: readonly string[]): string {
  return withMaterial(call.context.vault, key, [latestVersion(key)], ([material]) => {
    if (!material) {
      throw new Error(`key ${key.id} has no version`);
    }
    return wrapWith(material, plaintext, aad);
  });
}

/** `wrap`: encrypts the caller's plaintext, or 32 new random bytes, which then come back as well. */
function wrap(call: KmsCall): SandboxResponse {
  const key = requireRootKey(call, "secrets.wrap", [1]);
  const { plaintext, aad = [] } = checkFields(wrapSchema, optionalJson(call) ?? {}, WHAT);
  const bytes = plaintext === undefined ? randomBytes(32) : decodeBase64(plaintext);
  if (!bytes || bytes.length === 0 || bytes.length > MAX_PLAINTEXT_BYTES) {
    throw invalidField(
      "plaintext",
      `The plaintext must be base64 of 1 to ${MAX_PLAINTEXT_BYTES} bytes.`,
      WHAT,
    );
  }
  try {
    return {
      status: 200,
      body: {
        ...(plaintext === undefined ? { plaintext: bytes.toString("base64") } : {}),
        ciphertext: wrapLatest(call, key, bytes, aad),
        keyVersion: { id: latestVersion(key).id },
      },
    };
  } finally {
    bytes.fill(0);
  }
}

interface Unwrapped {
  key: KeyRecord;
  plaintext: Buffer;
  versionId: string;
  aad: readonly string[];
}

/** Opens the ciphertext of the body; UNPROCESSABLE_CIPHERTEXT_ERR if it, the key or the AAD is another. */
function openCiphertext(call: KmsCall, action: "secrets.unwrap" | "secrets.rewrap"): Unwrapped {
  const key = requireRootKey(call, action, [1, 3]);
  const { ciphertext, aad = [] } = checkFields(unwrapSchema, requiredJson(call), WHAT);
  const opened = unwrapWith(
    key.versions,
    (version, use) =>
      withMaterial(call.context.vault, key, [version], ([material]) => material && use(material)),
    ciphertext,
    aad,
  );
  if (!opened) {
    throw kmsError("UNPROCESSABLE_CIPHERTEXT_ERR", { what: WHAT });
  }

  return { key, aad, ...opened };
}

/**
 * `unwrap`: the plaintext and the version that had wrapped it. If that is not the latest, also the plaintext
 * wrapped under the latest, in `ciphertext`, with `rewrappedKeyVersion`.
 */
function unwrap(call: KmsCall): SandboxResponse {
  const { key, plaintext, versionId, aad } = openCiphertext(call, "secrets.unwrap");
  const latest = latestVersion(key);
  try {
    return {
      status: 200,
      body: {
        plaintext: plaintext.toString("base64"),
        keyVersion: { id: versionId },
        ...(versionId === latest.id
          ? {}
          : {
              ciphertext: wrapLatest(call, key, plaintext, aad),
              rewrappedKeyVersion: { id: latest.id },
            }),
      },
    };
  } finally {
    plaintext.fill(0);
  }
}

/** `rewrap`: wraps anew under the latest version; the plaintext stays inside. */
function rewrap(call: KmsCall): SandboxResponse {
  const { key, plaintext, versionId, aad } = openCiphertext(call, "secrets.rewrap");
  try {
    return {
      status: 200,
      body: {
        ciphertext: wrapLatest(call, key, plaintext, aad),
        keyVersion: { id: versionId },
        rewrappedKeyVersion: { id: latestVersion(key).id },
      },
    };
  } finally {
    plaintext.fill(0);
  }
}

/** `rotate`: a new version, with new material from the caller if the key was imported. Once an hour. */
function rotate(call: KmsCall): SandboxResponse {
  const key = requireRootKey(call, "secrets.rotate", [1, 3]);
  const { clock, relaxedWaits, store, vault } = call.context;
  const input = checkFields(rotateSchema, optionalJson(call) ?? {}, WHAT);
  const brings = bringsMaterial(input, WHAT);
  if (key.imported && !brings) {
    throw kmsError("KEY_PAYLOAD_REQ_ERR", { what: WHAT });
  }
  if (!key.imported && brings) {
    throw invalidField("payload", "The service made this key and makes its new material.", WHAT);
  }
  const now = clock.now();
  const last = key.rotatedAt ?? key.createdAt;
  if (!relaxedWaits && key.rotatedAt !== undefined && now - Date.parse(last) < HOUR) {
    throw kmsError("KEY_ROTATION_NOT_PERMITTED", { what: WHAT });
  }
  const material = brings ? importedMaterial(call, input, false, WHAT) : randomBytes(32);
  store.commit(put("key", key.id, withNewVersion(vault, key, material, now)));

  return noContent;
}

function setState(call: KmsCall, key: KeyRecord, state: 1 | 2): SandboxResponse {
  const now = toStoredDate(call.context.clock.now());
  const { disabledAt: _disabledAt, ...rest } = key;
  call.context.store.commit(
    put("key", key.id, {
      ...rest,
      state,
      updatedAt: now,
      ...(state === 2 ? { disabledAt: now } : {}),
    }),
  );

  return noContent;
}

function disable(call: KmsCall): SandboxResponse {
  return setState(call, requireRootKey(call, "secrets.disable", [1]), 2);
}

/** `enable`: at least 30 s after the disable. */
function enable(call: KmsCall): SandboxResponse {
  const key = requireRootKey(call, "secrets.enable", [2]);
  const { clock, relaxedWaits } = call.context;
  const disabledAt = Date.parse(key.disabledAt ?? key.updatedAt);
  if (!relaxedWaits && clock.now() - disabledAt < ENABLE_WAIT) {
    throw kmsError("REQ_TOO_EARLY_ERR", { what: WHAT });
  }

  return setState(call, key, 1);
}

function changeDeletion(call: KmsCall, set: boolean): SandboxResponse {
  const key = requireKey(call, set ? "secrets.setkeyfordeletion" : "secrets.unsetkeyfordeletion");
  const now = call.context.clock.now();
  if (key.state === 5) {
    throw kmsError("KEY_DELETED_ERR", { what: WHAT });
  }
  if (!key.dualAuthDelete.enabled) {
    throw kmsError("NOT_DUAL_AUTH_ERR", { what: WHAT });
  }
  // A second authorization by the same or another person changes nothing: the first one counts.
  if (set && deletionAuthorizedUntil(key, now) !== undefined) {
    return noContent;
  }
  const date = toStoredDate(now);
  call.context.store.commit(
    put("key", key.id, {
      ...key,
      updatedAt: date,
      dualAuthDelete: { enabled: true, ...(set ? { setBy: call.caller.iamId, setAt: date } : {}) },
    }),
  );

  return noContent;
}

const actions: Readonly<Record<string, (call: KmsCall) => SandboxResponse>> = {
  wrap,
  unwrap,
  rewrap,
  rotate,
  disable,
  enable,
  setKeyForDeletion: (call) => changeDeletion(call, true),
  unsetKeyForDeletion: (call) => changeDeletion(call, false),
  sync: syncKey,
};

/** `POST /keys/{id}/actions/{action}`, and `POST /keys/{id}?action=` as it was before. */
export function performAction(call: KmsCall): SandboxResponse {
  const name = call.parameters.action ?? call.request.query.get("action") ?? "";
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) {
    requireKey(call, "secrets-metadata.read");
    throw kmsError("INVALID_QUERY_PARAM_ERR", { what: WHAT, message: "There is no such action." });
  }

  return action(call);
}
