import type { Page } from "@playwright/test";
import { KmipClient, KmipOperationError } from "../lib/kmip/client/client";
import { ResultReason } from "../lib/kmip/protocol/enumerations";
import { createSelfSigned } from "../test/support/certificates";
import type { SandboxAccess } from "../test/support/product";
import { expect, expectAccessible, signIn, test } from "./support/test";

/** Orders an instance on the sandbox's Key Protect by the wizard, and waits until it is installed. */
async function order(page: Page, name: string, sandbox: SandboxAccess): Promise<void> {
  await page.goto("/instances/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Region", { exact: true }).fill("us-south");
  await page.getByRole("button", { name: "Continue" }).click();

  await page.getByRole("radio", { name: /Key Protect/ }).click();
  await page.getByLabel("API key of the service ID").fill(sandbox.manager.apiKey);
  await page.getByRole("button", { name: "Retrieve" }).click();
  await page.getByLabel("Key Protect instance").click();
  await page.getByRole("option").first().click();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Continue" }).click();

  await page
    .getByRole("radio", { name: new RegExp(sandbox.keyProtect.rootKeys[0]?.name ?? "") })
    .first()
    .click();
  // The permission report, check by check.
  await expect(page.getByText("Wrap and unwrap", { exact: false })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Continue" }).click();

  // Certificates can wait.
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText(name)).toBeVisible();
  await expect(page.locator("body")).not.toContainText(sandbox.manager.apiKey);
  await page.getByRole("button", { name: "Order instance" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(page.getByText("Installed").first()).toBeVisible();
}

/** Adds the certificate of vcenter.example on the page of certificates. */
async function uploadCertificate(page: Page, certPem: string): Promise<void> {
  await page.getByRole("button", { name: "Add certificate" }).first().click();

  const dialog = page.getByRole("dialog");

  await dialog.locator("input[type=file]").setInputFiles({
    name: "vcenter.pem",
    mimeType: "application/x-pem-file",
    buffer: Buffer.from(certPem),
  });
  // Parsed before anything is stored.
  await expect(dialog.getByText("CN=vcenter.example").first()).toBeVisible();
  await dialog.getByRole("button", { name: "Add certificate" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("row", { name: /vcenter/ })).toBeVisible();
  await expectAccessible(page);
}

/** The whole job of the product, as one person does it in one sitting. */
test("order an instance, connect a client, serve a KEK, revoke it, read the audit", async ({
  page,
  product,
  sandbox,
}) => {
  // Every step has an audit of its own; on a busy machine they take their time.
  test.slow();

  const name = `story-${Date.now()}`;
  const certificate = await createSelfSigned({ commonName: "vcenter.example", keyType: "rsa" });

  await test.step("sign in", async () => {
    await page.goto("/instances");
    // Whoever is not signed in is asked to, and comes back to where they wanted to go.
    await expect(page).toHaveURL(/\/sign-in/);
    await expectAccessible(page);
    await signIn(page, product);
  });

  await test.step("order by wizard", async () => {
    await order(page, name, sandbox);
  });

  const instanceUrl = page
    .url()
    .replace(/\?.*$/, "")
    .replace(/\/overview$/, "");

  await test.step("nothing of the API key stays in the browser", async () => {
    const stored = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
    );

    expect(stored).not.toContain(sandbox.manager.apiKey);
  });

  await test.step("test the connection", async () => {
    await page.goto(`${instanceUrl}/connect`);
    await page.getByRole("button", { name: "Test connection" }).press("Enter");

    const report = page.locator("#connection-test");

    await expect(report.getByText("All 6 checks pass")).toHaveCount(product.kmip.length);
    await report.locator("summary").filter({ hasText: "Zone 2" }).press("Enter");
    await expect(report.getByText("KMIP is answered").nth(1)).toBeVisible();
    await expectAccessible(page);
  });

  await test.step("upload the client's certificate", async () => {
    await page.goto(`${instanceUrl}/certificates`);
    await uploadCertificate(page, certificate.certPem);
  });

  const clients = product.kmip.map(
    ({ host, port }) => new KmipClient({ host, port, cert: certificate.certPem, key: certificate.keyPem }),
  );
  const [first, second] = clients;

  if (!first || !second) {
    throw new Error("two endpoints");
  }

  const identifier = await test.step("run a KMIP client", async () => {
    const created = await first.create({
      attributes: [{ name: "x-Product", value: { t: "text", v: "VMware vSphere" } }],
    });

    await first.activate(created);
    expect((await first.get(created)).material).toHaveLength(32);
    expect((await second.get(created)).material).toEqual((await first.get(created)).material);

    return created;
  });

  await test.step("see the KEK", async () => {
    await page.goto(`${instanceUrl}/keks`);

    const row = page.getByRole("row", { name: new RegExp(identifier.slice(0, 8)) });

    await expect(row).toContainText("Active");
    await expect(row).toContainText("vSphere");
    await expectAccessible(page);
  });

  await test.step("revoke it", async () => {
    await page.goto(`${instanceUrl}/keks/${identifier}`);
    await page.getByRole("button", { name: "Revoke KEK" }).click();

    const dialog = page.getByRole("alertdialog");

    await expect(dialog).toContainText("What this breaks");
    await expectAccessible(page);
    await dialog.getByLabel("Message").fill("host decommissioned");
    await dialog.getByRole("button", { name: "Revoke KEK" }).click();
    await expect(dialog).toBeHidden();
  });

  await test.step("the next Get is refused with Permission Denied on both endpoints", async () => {
    for (const client of [first, second]) {
      await expect
        .poll(
          () =>
            client.get(identifier).then(
              () => "served",
              (error: unknown) => (error instanceof KmipOperationError ? error.resultReason : String(error)),
            ),
          { timeout: 3_000 },
        )
        .toBe(ResultReason.PermissionDenied);
      client.close();
    }
  });

  await test.step("read it all in the audit", async () => {
    await page.goto(`/audit?targetId=${identifier}`);

    const rows = page.getByRole("row");

    for (const action of ["kmip-key.create", "kmip-key.read", "kmip-key.revoke"]) {
      await expect(rows.filter({ hasText: action }).first()).toBeVisible();
    }

    // The refusal: a read that failed.
    await expect(
      rows.filter({ hasText: "kmip-key.read" }).filter({ hasText: /fail/i }).first(),
    ).toBeVisible();
    await expectAccessible(page);
  });
});
