import { randomBytes } from "node:crypto";
import type { Pkcs11Module } from "@/lib/env";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { type CallContext, type KeyManager, KeyManagerError } from "../key-manager";
import type { WrappedKeyStore } from "../wrapped-key-store";
import type { HostCalls, HostMethod } from "./host-protocol";
import { requireModule } from "./modules";
import { storedStandardKeys } from "./stored-keys";
import { TOKEN_KEY_RING, type TokenKeyMetadata } from "./token";
import { allowPin, callToken, type TokenLogin } from "./token-processes";
import { formatToken, parseTokenUri, type TokenAddress } from "./uri";

export type Pkcs11Options = {
  /** The token, as a PKCS#11 URI of uri.ts. */
  readonly uri: string;
  readonly pin: Secret;
  /**
   * False for callers that ask by themselves, again and again: a PIN that the token refused before is then not tried
   * once more. Absent = true: somebody entered it, or an instance is opened anew.
   */
  readonly mayTryPin?: boolean;
  /** Where wrapped KEKs are kept if the URI says `x-storage=database`. */
  readonly store?: WrappedKeyStore;
  /** Tests' own; absent = PKCS11_MODULES. */
  readonly modules?: readonly Pkcs11Module[];
};

/** The port, and what permission checks ask beside it. */
export type Pkcs11 = KeyManager & {
  /** Proves the PIN. @throws KeyManagerError `credentials`, or as the token answers */
  login(context: CallContext): Promise<void>;
  /** @throws KeyManagerError `notFound` */
  readKeyMetadata(label: string, context: CallContext): Promise<TokenKeyMetadata>;
  /** Proves that the token makes HMACs, which wrapped KEKs in the database need. @throws KeyManagerError */
  probeHmac(context: CallContext): Promise<void>;
  /** Stores, reads and deletes a data object. @throws KeyManagerError as the token answers */
  probeStorage(context: CallContext): Promise<void>;
  /** Makes a root key in the token, or a new version of the one of this label. */
  generateRootKey(label: string, context: CallContext): Promise<{ version: string }>;
};

export const KIND = "pkcs11";
type TokenRootKeys = ReturnType<HostCalls["listRootKeys"]>;

const MAX_LIST_LIMIT = 200;
/** Bytes that a wrap and a standard key take. A wrapped key is larger than the key, by less than 100 bytes. */
const MAX_BYTES = 7_500;

/**
 * Adapter for a token of an HSM with a PKCS#11 module. A root key is known by its label (CKA_LABEL): the AES-256 keys
 * of that label are its versions, the one with the greatest CKA_ID the latest.
 * @throws KeyManagerError `rejected`: INVALID_TOKEN_URI, NOT_AVAILABLE
 */
export function createPkcs11(options: Pkcs11Options): Pkcs11 {
  const address = parseTokenUri(options.uri);

  if (address === null) {
    throw new KeyManagerError("rejected", "This is no PKCS#11 URI of a token.", {
      code: "INVALID_TOKEN_URI",
    });
  }

  const { module, label, serial } = address;
  const login: TokenLogin = {
    module: requireModule(module, options.modules),
    token: { label, serial },
    pin: options.pin,
  };

  if (options.mayTryPin !== false) {
    allowPin(login);
  }

  const { call, close } = callerOf(login);

  return {
    kind: KIND,
    login: (context) => call("login", [], context),

    async wrap(crkId, plaintext, aad, context) {
      requireSize(plaintext, context);

      return call("wrap", [crkId, plaintext, aad], context);
    },
    unwrap: (crkId, wrapped, aad, context) => call("unwrap", [crkId, wrapped, aad], context),

    async createStandardKey({ name, payload, description = "" }, context) {
      requireSize(payload, context);

      return call("createStandardKey", [{ name, payload, description }], context);
    },
    findStandardKeys: ({ name, description }, context) =>
      call("findStandardKeys", [{ name, description }], context),
    getStandardKey: (id, context) => call("getStandardKey", [id], context),
    deleteStandardKey: (id, context) => call("deleteStandardKey", [id], context),
    ...(address.storage === "database" ? keptInDatabase(address, options.store, call) : {}),

    async probeHmac(context) {
      const probe = randomBytes(32);

      if (!(await call("verify", [probe, await call("sign", [probe], context)], context))) {
        throw new KeyManagerError("serverError", "The token does not know its own HMAC.", {
          code: "PROBE_CHANGED",
          correlationId: context.correlationId,
        });
      }
    },
    readKeyMetadata: (crkId, context) => call("readKeyMetadata", [crkId], context),
    probeStorage: (context) => call("probeStorage", [], context),
    rotateRootKey: (crkId, context) => call("rotateRootKey", [crkId], context),
    generateRootKey: (crkId, context) => call("generateRootKey", [crkId], context),

    async getRootKey(crkId, context) {
      const { isRootKey, bits: _, ...key } = await call("readKeyMetadata", [crkId], context);

      if (!isRootKey) {
        throw new KeyManagerError(
          "rejected",
          "The key in the token is no root key: AES-256, sensitive, not extractable.",
          { code: "NOT_A_ROOT_KEY", correlationId: context.correlationId },
        );
      }

      return key;
    },

    listRootKeys: async (query, context) =>
      query.keyRing !== undefined && query.keyRing !== TOKEN_KEY_RING
        ? { items: [], nextCursor: null }
        : pageOf(() => call("listRootKeys", [], context), query, context),

    async listKeyRings() {
      return [{ id: TOKEN_KEY_RING }];
    },

    // The token's process serves every adapter of the same login; it ends when nobody has asked for a while.
    close: async () => close(),
  };
}

type Call = <Method extends HostMethod>(
  method: Method,
  args: Parameters<HostCalls[Method]>,
  context: CallContext,
) => Promise<ReturnType<HostCalls[Method]>>;

/** Calls of a token until the adapter is closed. @throws KeyManagerError */
function callerOf(login: TokenLogin): { call: Call; close(): void } {
  let closed = false;

  return {
    call(method, args, context) {
      if (closed) {
        return Promise.reject(
          new KeyManagerError("unreachable", "This adapter was closed.", {
            code: "CLOSED",
            correlationId: context.correlationId,
          }),
        );
      }

      return callToken(login, method, args, context);
    },
    close() {
      closed = true;
    },
  };
}

/** Standard keys of a token that stores no data. */
function keptInDatabase(
  { label, serial }: TokenAddress,
  store: WrappedKeyStore | undefined,
  call: Call,
): ReturnType<typeof storedStandardKeys> {
  if (store === undefined) {
    throw new Error("A token that keeps KEKs in the database needs a store.");
  }

  return storedStandardKeys({
    store,
    token: formatToken({ label, serial }),
    requireSize,
    sign: (data, context) => call("sign", [data], context),
    verify: (data, hmac, context) => call("verify", [data, hmac], context),
  });
}

/** A page of the root keys, which a token lists all at once. @throws KeyManagerError */
async function pageOf(
  listAll: () => Promise<TokenRootKeys>,
  query: { readonly search?: string; readonly cursor?: string; readonly limit?: number },
  context: CallContext,
): Promise<{ items: TokenRootKeys; nextCursor: string | null }> {
  const limit = Math.min(Math.max(query.limit ?? 50, 1), MAX_LIST_LIMIT);
  const wanted = query.search?.toLowerCase() ?? "";
  const after = query.cursor === undefined ? null : parseCursor(query.cursor, context);
  const matching = (await listAll()).filter(({ name }) => name.toLowerCase().includes(wanted));
  const start = after === null ? 0 : matching.findIndex(({ name }) => name.localeCompare(after) > 0);
  const page = start < 0 ? [] : matching.slice(start, start + limit);
  const last = page.at(-1);

  return { items: page, nextCursor: last && last !== matching.at(-1) ? makeCursor(last.name) : null };
}

/** What the port takes at most. @throws KeyManagerError `rejected` */
function requireSize(bytes: Uint8Array, context: CallContext): void {
  if (bytes.byteLength > MAX_BYTES) {
    throw new KeyManagerError("rejected", `More than ${MAX_BYTES} bytes are not taken.`, {
      code: "TOO_LARGE",
      correlationId: context.correlationId,
    });
  }
}

/** The list is in the order of names: a cursor is the last name of a page. */
function makeCursor(name: string): string {
  return Buffer.from(JSON.stringify([name])).toString("base64url");
}

/** @throws KeyManagerError `rejected` with code INVALID_CURSOR */
function parseCursor(cursor: string, context: CallContext): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));

    if (Array.isArray(value) && typeof value[0] === "string" && makeCursor(value[0]) === cursor) {
      return value[0];
    }
  } catch {
    // No JSON: no cursor of this list.
  }

  throw new KeyManagerError("rejected", "The cursor is not one of this list.", {
    code: "INVALID_CURSOR",
    correlationId: context.correlationId,
  });
}
