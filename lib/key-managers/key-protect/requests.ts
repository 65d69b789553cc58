import type { CallContext } from "../key-manager";
import { keyPath, only } from "./translate";
import type { Transport } from "./transport";
import { keyEnvelope, type WireKey } from "./wire";

/** An instance as its adapter's calls see it. */
export type Instance = {
  readonly transport: Transport;
  /** Name in error messages. */
  readonly service: string;
  /** Key ring that new standard keys go to; absent = `default`. */
  readonly keyRing: string | undefined;
};

type Query = { readonly [name: string]: string };

/** Everything but destroyed keys. */
export const LIVING_STATES = "0,1,2,3";
/** Page of a full listing; the API allows 5,000, but such an answer is many megabytes. */
const SCAN_PAGE = 1000;
/** Keys deleted between two pages move the rest forward: pages overlap so that none falls into the gap. */
const SCAN_OVERLAP = 100;

/** Metadata of a key, by id or alias. @throws KeyManagerError */
export async function readKey(
  { transport, service }: Instance,
  idOrAlias: string,
  context: CallContext,
): Promise<WireKey> {
  const { resources } = await transport.callJson(
    keyEnvelope,
    { method: "GET", path: `${keyPath(idOrAlias)}/metadata`, repeat: "safe", shared: true },
    context,
  );

  return only(resources, service, context);
}

/** A page of keys. @throws KeyManagerError */
export async function listKeys(
  { transport }: Instance,
  query: Query,
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

/** Ids of the standard keys that fit, out of all pages of a list in the order of their creation. @throws KeyManagerError */
export async function scanKeys(
  instance: Instance,
  query: Query,
  fits: (key: WireKey) => boolean,
  context: CallContext,
): Promise<{ id: string }[]> {
  const ids = new Set<string>();

  for (let offset = 0; ; offset += SCAN_PAGE - SCAN_OVERLAP) {
    const page = await listKeys(
      instance,
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
