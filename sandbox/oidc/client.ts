import type { Vault } from "../store/vault";

/** The one client that may sign people in. */
export const CLIENT_ID = "kmip-console";

/** The client's secret: derived from the master key, and so stored nowhere. */
export function clientSecret(vault: Vault): string {
  return vault.deriveSecret(`oidc-client/${CLIENT_ID}`);
}

/** The issuer, at IAM's own place: `https://iam.cloud.ibm.com/identity` is IBM Cloud's. */
export function issuerOf(baseUrl: string): string {
  return `${baseUrl}/identity`;
}
