import { join } from "node:path";
import { createSandbox } from "../../sandbox/index";
import type { ProductSettings } from "../../test/support/product";

/**
 * Environment of a product whose people can also sign in by the sandbox. The client's secret is derived from the
 * sandbox's master key, so that the sandbox is made before the product starts on it.
 */
export async function withSingleSignOn(settings: ProductSettings): Promise<{ [name: string]: string }> {
  const sandbox = await createSandbox({
    dataDir: join(settings.dataDir, "sandbox"),
    host: "127.0.0.1",
    port: 0,
  });
  const { clientId, clientSecret } = sandbox.credentials().oidc;

  await sandbox.close();

  return {
    ...settings.env,
    OIDC_ISSUER: `http://127.0.0.1:${settings.env.SANDBOX_PORT}/identity`,
    OIDC_CLIENT_ID: clientId,
    OIDC_CLIENT_SECRET: clientSecret,
    OIDC_NAME: "Sandbox",
  };
}
