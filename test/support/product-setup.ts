import type { TestProject } from "vitest/node";
import { type ProductSettings, startProduct } from "./product";

/** What the product tests need to find the running product. */
export type RunningProduct = ProductSettings & {
  readonly consoleUrl: string;
  readonly kmip: readonly { readonly host: string; readonly port: number }[];
  readonly admin: { readonly email: string; readonly password: string };
  readonly pid: number;
};

declare module "vitest" {
  interface ProvidedContext {
    product: RunningProduct;
  }
}

/** Starts the whole product once for all product tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const product = await startProduct();

  project.provide("product", {
    dataDir: product.dataDir,
    env: product.env,
    consoleUrl: product.consoleUrl,
    kmip: product.kmip,
    admin: product.admin,
    pid: product.process.pid ?? 0,
  });

  return () => product.destroy();
}
