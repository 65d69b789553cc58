import { productSettings, startProduct } from "../../test/support/product";
import { withSingleSignOn } from "./single-sign-on";

/** Starts the whole product once; the workers find it through the environment. */
export default async function setup(): Promise<() => Promise<void>> {
  const product = await startProduct(await withSingleSignOn(await productSettings()));

  process.env.E2E_PRODUCT = JSON.stringify({
    dataDir: product.dataDir,
    env: product.env,
    consoleUrl: product.consoleUrl,
    kmip: product.kmip,
    admin: product.admin,
  });

  return () => product.destroy();
}
