import { database } from "@/lib/db";
import { env } from "@/lib/env";
import { mayBeConnectedTo } from "@/lib/outbound/allow-list";
import { isLiving } from "../instance";

/**
 * Instances of the whole deployment whose key manager stands at an address that this deployment does not connect to, as of
 * before it was asked for, or since `OUTBOUND_ALLOW` was changed. Names are not resolved. For who runs the deployment.
 */
export async function refusedEndpoints(): Promise<{ id: string; host: string }[]> {
  const { rows } = await database().pool.query<{ id: string; endpoint: string }>(
    `SELECT id, key_manager_endpoint AS endpoint FROM instance i
     WHERE ${isLiving("i")} AND key_manager_endpoint IS NOT NULL`,
  );

  return rows
    .filter(({ endpoint }) => URL.canParse(endpoint) && !mayBeConnectedTo(endpoint, env().outboundAllow))
    .map(({ id, endpoint }) => ({ id, host: new URL(endpoint).host }));
}
