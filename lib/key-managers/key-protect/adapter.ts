import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { createCircuitBreaker } from "@/lib/resilience/circuit-breaker";
import { createLimiter } from "@/lib/resilience/limiter";
import { type CallLimits, DEFAULT_CONCURRENCY } from "../call-limits";
import {
  type CallContext,
  type KeyManager,
  KeyManagerError,
  type KeyManagerKeyState,
  type WrappedKey,
} from "../key-manager";
import {
  keyPath,
  makeCursor,
  nameSearch,
  only,
  parseCursor,
  searchText,
  toBase64,
  toDate,
  toRootKey,
} from "./translate";
import { createTransport } from "./transport";
import {
  createdKeyEnvelope,
  type InstancePolicy,
  instancePolicyEnvelope,
  keyEnvelope,
  keyRingEnvelope,
  keyWithPayloadEnvelope,
  unwrapResponse,
  type WireKey,
  wrapResponse,
} from "./wire";

export type KeyProtectOptions = {
  /** What speaks the API; absent = Key Protect itself. */
  readonly product?: { readonly kind: string; readonly title: string };
  /** Base URL without `/api/v2`, from the resource instance's `extensions.endpoints`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  /** Key ring that new standard keys go to; absent = `default`. */
  readonly keyRing?: string;
  readonly tokenSource: TokenSource;
  /** Shared by all adapters of one key manager instance; absent = the adapter's own. */
  readonly limits?: CallLimits;
  /** Also calls while the circuit is open: for checks, which find out whether the service is there. */
  readonly always?: boolean;
  /** First pause between attempts, milliseconds. */
  readonly backoffMs?: number;
};

/** What `GET /keys/{id}/metadata` says of a key, whether root key or standard key. */
export type KeyMetadata = {
  readonly id: string;
  readonly name: string;
  readonly state: KeyManagerKeyState;
  readonly isRootKey: boolean;
  readonly keyRing: string;
  readonly currentVersion: string | null;
  readonly expiresAt: Date | null;
  readonly dualAuthDelete: boolean;
};

/** The port, and what permission checks ask beside it. */
export type KeyProtect = KeyManager & {
  /** Metadata of any key, by id or alias. @throws KeyManagerError */
  readKeyMetadata(idOrAlias: string, context: CallContext): Promise<KeyMetadata>;
  /** `GET /instance/policies`: answered only for the service role Manager. @throws KeyManagerError */
  readInstancePolicies(context: CallContext): Promise<InstancePolicy[]>;
};

export const KEY_PROTECT = { kind: "key-protect", title: "Key Protect" } as const;
/** Everything but destroyed keys. */
const LIVING_STATES = "0,1,2,3";
/** Page of a full listing; the API allows 5,000, but such an answer is many megabytes. */
const SCAN_PAGE = 1000;
/** Keys deleted between two pages move the rest forward: pages overlap so that none falls into the gap. */
const SCAN_OVERLAP = 100;
const MAX_LIST_LIMIT = 200;

/**
 * Adapter for the Key Protect API (version 2), as IBM Key Protect and HPCS speak it.
 *
 * A wrapped KEK is the bytes that Key Protect's `ciphertext` decodes to, and a standard key's payload holds those
 * bytes: base64 is only how they travel.
 */
export function createKeyProtect(options: KeyProtectOptions): KeyProtect {
  const { kind, title: service } = options.product ?? KEY_PROTECT;
  const transport = createTransport({
    service,
    endpoint: options.endpoint,
    instanceGuid: options.instanceGuid,
    tokenSource: options.tokenSource,
    limiter: options.limits?.limiter ?? createLimiter(DEFAULT_CONCURRENCY),
    breaker: options.limits?.breaker ?? createCircuitBreaker(),
    ...(options.always === undefined ? {} : { always: options.always }),
    ...(options.backoffMs === undefined ? {} : { backoffMs: options.backoffMs }),
  });

  async function readKey(idOrAlias: string, context: CallContext): Promise<WireKey> {
    const { resources } = await transport.callJson(
      keyEnvelope,
      { method: "GET", path: `${keyPath(idOrAlias)}/metadata`, repeat: "safe", shared: true },
      context,
    );

    return only(resources, service, context);
  }

  async function listKeys(
    query: { [name: string]: string },
    context: CallContext,
    keyRing?: string,
  ): Promise<WireKey[]> {
    const { resources } = await transport.callJson(
      keyEnvelope,
      {
        method: "GET",
        path: `/keys?${new URLSearchParams(query)}`,
        repeat: "safe",
        ...(keyRing === undefined ? {} : { keyRing }),
      },
      context,
    );

    return resources;
  }

  /** Ids of the standard keys that fit, out of all pages of a list in the order of their creation. */
  async function scanKeys(
    query: { [name: string]: string },
    fits: (key: WireKey) => boolean,
    context: CallContext,
  ): Promise<{ id: string }[]> {
    const ids = new Set<string>();

    for (let offset = 0; ; offset += SCAN_PAGE - SCAN_OVERLAP) {
      const page = await listKeys(
        {
          ...query,
          state: LIVING_STATES,
          extractable: "true",
          sort: "creationDate",
          limit: String(SCAN_PAGE),
          offset: String(offset),
        },
        context,
      );

      for (const key of page.filter(fits)) {
        ids.add(key.id);
      }

      if (page.length < SCAN_PAGE) {
        return [...ids].map((id) => ({ id }));
      }
    }
  }

  return {
    kind,

    async wrap(crkId, plaintext, aad, context) {
      const answer = await transport.callJson(
        wrapResponse,
        {
          method: "POST",
          path: `${keyPath(crkId)}/actions/wrap`,
          body: { plaintext: toBase64(plaintext), aad },
          // A second wrap makes another ciphertext of the same key, and leaves nothing behind.
          repeat: "safe",
        },
        context,
      );

      return { bytes: answer.ciphertext, crkVersion: answer.keyVersion?.id ?? null };
    },

    async unwrap(crkId, wrapped, aad, context) {
      const answer = await transport.callJson(
        unwrapResponse,
        {
          method: "POST",
          path: `${keyPath(crkId)}/actions/unwrap`,
          body: { ciphertext: toBase64(wrapped), aad },
          repeat: "safe",
          shared: true,
        },
        context,
      );
      const rewrapped: WrappedKey | null = answer.ciphertext
        ? { bytes: answer.ciphertext, crkVersion: answer.rewrappedKeyVersion?.id ?? null }
        : null;

      return {
        plaintext: answer.plaintext,
        crkVersion: answer.keyVersion?.id ?? null,
        ...(rewrapped === null ? {} : { rewrapped }),
      };
    },

    async createStandardKey(key, context) {
      const keyRing = key.keyRing ?? options.keyRing;
      const { resources } = await transport.callJson(
        createdKeyEnvelope,
        {
          method: "POST",
          path: "/keys",
          ...(keyRing === undefined ? {} : { keyRing }),
          prefer: "return=minimal",
          body: {
            metadata: { collectionType: "application/vnd.ibm.kms.key+json", collectionTotal: 1 },
            resources: [
              {
                type: "application/vnd.ibm.kms.key+json",
                name: key.name,
                extractable: true,
                payload: toBase64(key.payload),
                ...(key.description === undefined ? {} : { description: key.description }),
              },
            ],
          },
          // Names are not unique: sent twice, it would make two keys.
          repeat: "unprocessed",
        },
        context,
      );

      return { id: only(resources, service, context).id };
    },

    async findStandardKeys({ name, description }, context) {
      const isMeant = (key: WireKey) =>
        key.extractable && key.name === name && key.description === description && key.state !== "destroyed";
      const search = nameSearch(name);

      try {
        if (search !== null) {
          return await scanKeys({ search }, isMeant, context);
        }
      } catch (error) {
        // Search covers 5,000 keys at most (KEY_SEARCH_TOO_BROAD); beyond that only the whole list tells.
        if (!(error instanceof KeyManagerError) || error.status !== 400) {
          throw error;
        }
      }

      return scanKeys({}, isMeant, context);
    },

    async getStandardKey(id, context) {
      const { resources } = await transport.callJson(
        keyWithPayloadEnvelope,
        { method: "GET", path: keyPath(id), repeat: "safe", shared: true },
        context,
      );
      const key = only(resources, service, context);

      if (key.state === "destroyed" || key.deleted) {
        throw new KeyManagerError("deleted", `The key was deleted in ${service}.`, {
          status: 200,
          correlationId: context.correlationId,
        });
      }

      if (!key.extractable || key.payload === undefined) {
        throw new KeyManagerError("rejected", `The key in ${service} is no standard key.`, {
          status: 200,
          code: "NOT_A_STANDARD_KEY",
          correlationId: context.correlationId,
        });
      }

      return { id: key.id, name: key.name, payload: key.payload, state: key.state };
    },

    async deleteStandardKey(id, context) {
      try {
        const key = await readKey(id, context);

        if (key.state === "destroyed" || key.deleted) {
          return;
        }

        // A root key's id here would be a mistake that destroys every KEK under it.
        if (!key.extractable) {
          throw new KeyManagerError("rejected", `The key in ${service} is a root key and is not deleted.`, {
            code: "NOT_A_STANDARD_KEY",
            correlationId: context.correlationId,
          });
        }

        await transport.call(
          { method: "DELETE", path: keyPath(id), prefer: "return=minimal", repeat: "safe" },
          context,
        );
      } catch (error) {
        if (
          error instanceof KeyManagerError &&
          (error.failure === "notFound" || error.failure === "deleted")
        ) {
          return;
        }

        throw error;
      }
    },

    async getRootKey(crkId, context) {
      const key = await readKey(crkId, context);

      if (key.extractable) {
        throw new KeyManagerError("rejected", `The key in ${service} is a standard key, not a root key.`, {
          code: "NOT_A_ROOT_KEY",
          correlationId: context.correlationId,
        });
      }

      return toRootKey(key);
    },

    async rotateRootKey(crkId, context) {
      // Sent twice, it would be refused (one rotation an hour), and that refusal would look like a failure.
      await transport.call(
        { method: "POST", path: `${keyPath(crkId)}/actions/rotate`, repeat: "unprocessed" },
        context,
      );
    },

    async listRootKeys(query, context) {
      const limit = Math.min(Math.max(query.limit ?? 50, 1), MAX_LIST_LIMIT);
      const offset = query.cursor === undefined ? 0 : parseCursor(query.cursor, context);
      // One more than asked tells whether there is another page.
      const keys = await listKeys(
        {
          state: LIVING_STATES,
          extractable: "false",
          limit: String(limit + 1),
          offset: String(offset),
          ...(query.search ? { search: searchText(query.search) } : {}),
        },
        context,
        query.keyRing,
      );
      const page = keys.slice(0, limit);

      return {
        items: page.filter((key) => !key.extractable).map(toRootKey),
        nextCursor: keys.length > limit ? makeCursor(offset + limit) : null,
      };
    },

    async listKeyRings(context) {
      const { resources } = await transport.callJson(
        keyRingEnvelope,
        { method: "GET", path: "/key_rings", repeat: "safe", shared: true },
        context,
      );

      return resources.map(({ id }) => ({ id }));
    },

    async readKeyMetadata(idOrAlias, context) {
      const key = await readKey(idOrAlias, context);

      return {
        id: key.id,
        name: key.name,
        state: key.deleted ? "destroyed" : key.state,
        isRootKey: !key.extractable,
        keyRing: key.keyRingID,
        currentVersion: key.keyVersion?.id ?? null,
        expiresAt: toDate(key.expirationDate),
        dualAuthDelete: key.dualAuthDelete?.enabled ?? false,
      };
    },

    async readInstancePolicies(context) {
      const { resources } = await transport.callJson(
        instancePolicyEnvelope,
        { method: "GET", path: "/instance/policies", repeat: "safe", shared: true },
        context,
      );

      return resources.map((policy) => ({
        type: policy.policy_type,
        enabled: policy.policy_data.enabled,
        attributes: policy.policy_data.attributes ?? {},
      }));
    },

    async close() {
      transport.close();
    },
  };
}
