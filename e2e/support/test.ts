import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";
import { type Product, type SandboxAccess, sandboxAccess } from "../../test/support/product";

export type RunningProduct = Pick<Product, "dataDir" | "env" | "consoleUrl" | "kmip" | "admin">;

function runningProduct(): RunningProduct {
  const text = process.env.E2E_PRODUCT;

  if (!text) {
    throw new Error("The product is not running; e2e/support/global-setup.ts starts it.");
  }

  return JSON.parse(text) as RunningProduct;
}

/** Playwright's test with the running product, the sandbox's sample accounts, and a page on the console. */
export const test = base.extend<object, { product: RunningProduct; sandbox: SandboxAccess }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture's wants from the pattern
  product: [async ({}, use) => use(runningProduct()), { scope: "worker" }],
  sandbox: [async ({ product }, use) => use(await sandboxAccess(product)), { scope: "worker" }],
  // biome-ignore lint/correctness/noEmptyPattern: as above
  baseURL: async ({}, use) => use(runningProduct().consoleUrl),
});

export { expect };

/** Signs in as the first administrator and waits for the overview. */
export async function signIn(page: Page, product: RunningProduct): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(product.admin.email);
  await page.getByLabel("Password", { exact: true }).fill(product.admin.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/$|\/overview$/);
}

/** Fails on any violation of WCAG 2.2 A and AA that axe can see. */
export async function expectAccessible(page: Page): Promise<void> {
  // After a navigation within the console, the title comes a moment behind the page.
  await expect(page).toHaveTitle(/./);

  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();

  expect(
    violations.map(
      (violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).join(" | ")}`,
    ),
  ).toEqual([]);
}
