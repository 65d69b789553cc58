import type { Page } from "@playwright/test";
import { createSelfSigned } from "../test/support/certificates";
import { cli } from "../test/support/product";
import { expect, expectAccessible, signIn, test } from "./support/test";

/** The order wizard where things go wrong: what a newcomer meets before everything fits. */

const apiKeyField = (page: Page) => page.getByLabel("API key of the service ID");
const continueButton = (page: Page) => page.getByRole("button", { name: "Continue" });

async function toKeyManager(page: Page, name: string): Promise<void> {
  await page.goto("/instances/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Region", { exact: true }).fill("us-south");
  await continueButton(page).click();
}

async function retrieve(page: Page, apiKey: string): Promise<void> {
  await apiKeyField(page).fill(apiKey);
  await page.getByRole("button", { name: "Retrieve" }).click();
}

test.beforeEach(async ({ page, product }) => {
  await signIn(page, product);
});

test("basics are asked for where they are missing", async ({ page }) => {
  await page.goto("/instances/new");
  await continueButton(page).click();
  await expect(page.getByText("Enter a value.")).toHaveCount(2);
  await page.getByLabel("Region", { exact: true }).fill("Frankfurt am Main");
  await expect(page.getByText("Use lower-case letters, digits and hyphens.")).toBeVisible();
  await expectAccessible(page);
});

test("a wrong API key is told at once, and nothing goes on", async ({ page }) => {
  await toKeyManager(page, "wrong key");
  await retrieve(page, "not-an-api-key-of-anybody");
  await expect(page.getByText("IAM does not know the API key")).toBeVisible();
  await expect(continueButton(page)).toHaveAttribute("aria-disabled", "true");
  await expectAccessible(page);
});

test("a service ID without Manager is shown what it lacks, and the command that mends it", async ({
  page,
  sandbox,
}) => {
  await toKeyManager(page, "viewer only");
  await retrieve(page, sandbox.viewerOnly.apiKey);
  await expect(page.getByText("1 key manager found")).toBeVisible();

  // Another kind does not ask for the same API key again.
  await page.getByRole("radio", { name: /Hyper Protect/ }).click();
  await page.getByRole("button", { name: "Use an API key instead" }).click();
  await expect(apiKeyField(page)).toHaveValue(sandbox.viewerOnly.apiKey);
  await page.getByRole("radio", { name: /Key Protect/ }).click();
  await page.getByRole("button", { name: "Retrieve" }).click();
  await continueButton(page).click();

  const failing = page.locator("[data-check=serviceManager]");

  await expect(failing).toHaveAttribute("data-status", "fail");
  await expect(failing).toContainText(
    `ibmcloud iam service-policy-create ${sandbox.viewerOnly.serviceId} --roles Manager`,
  );
  await expect(page.locator("[data-check=platformViewer]")).toHaveAttribute("data-status", "pass");
  await expect(continueButton(page)).toHaveAttribute("aria-disabled", "true");
  await expectAccessible(page);
});

test("an HPCS instance is ordered, authorized and activated without an API key", async ({
  page,
  product,
  sandbox,
}) => {
  const name = `hpcs-${Date.now()}`;

  await toKeyManager(page, name);
  await page.getByRole("radio", { name: /Hyper Protect/ }).click();
  await expect(page.getByText("No API key is needed.")).toBeVisible();
  await expectAccessible(page);
  await continueButton(page).click();
  await continueButton(page).click();
  await expect(page.getByText("authorized and activated after ordering")).toBeVisible();
  await page.getByRole("button", { name: "Order instance" }).click();
  await page.waitForURL(/\/activate/);

  const instanceId = /instances\/([0-9a-f-]+)\/activate/.exec(page.url())?.[1] ?? "";
  const command = page.getByRole("region", { name: "command that creates the authorization" });

  // The sandbox's deployment sees the HPCS instance, so that the command has both ids.
  await expect(command).toContainText(
    `--source-service-instance-id ${instanceId} --target-service-instance-id ${sandbox.hpcs.guid}`,
  );
  await expect(page.getByText("does not authorize this instance yet")).toBeVisible();
  await expect(continueButton(page)).toHaveAttribute("aria-disabled", "true");
  await expectAccessible(page);

  // What the command does in IBM Cloud.
  expect((await cli(product, "sandbox", "authorize", "--instance", instanceId)).code).toBe(0);
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText("1 HPCS instance authorizes this instance")).toBeVisible();
  await continueButton(page).click();
  await page.getByRole("radio").first().click();
  await expect(page.locator("[data-check=authorizationFound]")).toHaveAttribute("data-status", "pass");
  await expect(page.locator("[data-check=vmwareKmipManager]")).toHaveAttribute("data-status", "pass");
  await expectAccessible(page);
  await continueButton(page).click();
  await continueButton(page).click();
  await expect(page.getByText("No API key is kept.")).toBeVisible();
  await page.getByRole("button", { name: "Activate instance" }).click();
  await page.waitForURL(/\/overview/);
  await expect(page.getByText("These endpoints serve this instance alone", { exact: false })).toBeVisible();
  await expectAccessible(page);
});

test("a reload keeps the draft and asks for the API key again", async ({ page, sandbox }) => {
  await toKeyManager(page, "reloaded");
  await retrieve(page, sandbox.manager.apiKey);
  await page.getByText("1 key manager found").waitFor();
  await page.reload();
  await expect(page.getByText("The API key is not kept in the browser.")).toBeVisible();
  await expect(apiKeyField(page)).toHaveValue("");
  await expect(apiKeyField(page)).toBeFocused();
  expect(
    await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])),
  ).not.toContain(sandbox.manager.apiKey);
});

test("a pasted private key is wiped and never sent; a certificate is previewed and not lost", async ({
  page,
  sandbox,
}) => {
  const certificate = await createSelfSigned({ commonName: "wizard.example", keyType: "rsa" });
  const keyLine = certificate.keyPem.split("\n")[3] ?? "";
  const sent: string[] = [];

  page.on("request", (request) => sent.push(request.postData() ?? ""));
  await toKeyManager(page, `wizard-${Date.now()}`);
  await retrieve(page, sandbox.manager.apiKey);
  await page.getByText("1 key manager found").waitFor();
  await continueButton(page).click();
  await page.getByRole("radio").first().click();
  await page.getByText("All 10 checks pass").waitFor();

  // Optional is not done.
  const steps = page.getByRole("navigation", { name: "Steps" });

  await expect(steps.getByRole("button", { name: "Certificates" })).not.toContainText("done");
  await continueButton(page).click();

  const field = page.getByLabel("Or paste the certificate (PEM)");

  await field.fill(`${certificate.certPem}${certificate.keyPem}`);
  await expect(page.getByText("That was a private key.", { exact: false })).toBeVisible();
  await expect(field).toHaveValue("");

  await field.fill(certificate.certPem);
  await expect(page.getByText("CN=wizard.example")).toBeVisible();
  // The field is gone; whoever uses the keyboard goes on where the preview is.
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await expectAccessible(page);
  // Going on takes what is previewed along.
  await continueButton(page).click();
  await expect(page.getByText("wizard.example")).toBeVisible();
  await page.getByRole("button", { name: "Order instance" }).click();
  await expect(page.getByRole("link", { name: "Certificates 1" })).toBeVisible();
  expect(sent.filter((body) => body.includes(keyLine))).toEqual([]);
});
