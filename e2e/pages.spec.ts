import { KmipClient } from "../lib/kmip/client/client";
import { createSelfSigned } from "../test/support/certificates";
import { consolePages } from "../test/support/pages";
import { apiClient } from "../test/support/product";
import { expect, expectAccessible, signIn, test } from "./support/test";

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", width: 1440, height: 960, heading: "Overview" },
  { locale: "zh-CN", colorScheme: "dark", width: 390, height: 844, heading: "概览" },
  { locale: "en-GB", colorScheme: "dark", width: 390, height: 844, heading: "Overview" },
] as const;

/** Pages that lead on from an installed instance to its overview. */
const LEADING_ON = ["/instances/[id]", "/instances/[id]/activate"];

let instanceId = "";
let kek = "";

/** Every page of the console, with the instance and the KEK of this file in its path. */
function everyPath(): string[] {
  const paths = consolePages()
    .filter((page) => !LEADING_ON.includes(page))
    .map((page) => page.replace("[id]", instanceId).replace("[uniqueIdentifier]", kek));

  // A page with another parameter wants a value here; without it, it would be one that does not exist.
  expect(paths.filter((path) => path.includes("["))).toEqual([]);

  return paths;
}

test.beforeAll(async ({ product, sandbox }) => {
  const api = await apiClient(product);
  const certificate = await createSelfSigned({ commonName: "pages", keyType: "rsa" });
  const { body } = await api("POST", "/instances", {
    name: `pages-${Date.now()}`,
    region: "us-south",
    keyManager: {
      kind: "key-protect",
      apiKey: sandbox.manager.apiKey,
      crn: sandbox.keyProtect.crn,
      crkId: sandbox.keyProtect.rootKeys[0]?.id,
    },
    clientCertificates: [{ name: "pages", pem: certificate.certPem }],
  });

  instanceId = (body as { id: string }).id;

  const [endpoint] = product.kmip;
  const client = new KmipClient({
    host: endpoint?.host ?? "",
    port: endpoint?.port ?? 0,
    cert: certificate.certPem,
    key: certificate.keyPem,
  });

  kek = await client.create({
    name: "a key with a name",
    attributes: [{ name: "x-Product", value: { t: "text", v: "VMware vSphere" } }],
  });
  await client.get(kek);
  client.close();
});

for (const look of LOOKS) {
  test.describe(`every page in ${look.locale}, ${look.colorScheme}, ${look.width} px`, () => {
    test.use({
      locale: look.locale,
      colorScheme: look.colorScheme,
      viewport: { width: look.width, height: look.height },
    });

    test("is accessible, fits the window and breaks no rule of its own policy", async ({ page, product }) => {
      // Every page with a whole audit: three times what a journey may take.
      test.slow();

      const complaints: string[] = [];

      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error") {
          complaints.push(message.text());
        }
      });

      await page.goto("/sign-in");
      await expectAccessible(page);
      await page.locator("input[type=email]").fill(product.admin.email);
      await page.locator("input[type=password]").fill(product.admin.password);
      await page.keyboard.press("Enter");
      await expect(page.getByRole("heading", { level: 1, name: look.heading })).toBeVisible();

      for (const path of everyPath()) {
        await test.step(path, async () => {
          await page.goto(path);
          await page.waitForLoadState("networkidle");
          await expect(page.getByRole("heading").first()).toBeVisible();
          await expectAccessible(page);
          expect(
            await page.evaluate(() => document.documentElement.scrollWidth),
            `${path} scrolls sideways`,
          ).toBeLessThanOrEqual(look.width);
        });
      }

      expect(complaints).toEqual([]);
    });
  });
}

test("nothing of an instance is shown to whoever is not signed in", async ({ page, request }) => {
  for (const path of ["/", `/instances/${instanceId}/keks`, "/audit", "/tokens"]) {
    await page.goto(path);
    await expect(page).toHaveURL(/\/sign-in/);
  }

  expect((await request.get(`/api/v1/instances/${instanceId}`)).status()).toBe(401);
});

test("an instance that does not exist is said to be missing", async ({ page, product }) => {
  await signIn(page, product);

  for (const id of ["00000000-0000-4000-8000-000000000000", "nonsense"]) {
    await page.goto(`/instances/${id}/keks`);
    await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
  }
});

test("a page that cannot be read again says that it is old, and heals", async ({ page, product }) => {
  await signIn(page, product);
  await page.goto("/endpoints");
  await expect(page.getByText("Up", { exact: true }).first()).toBeVisible();
  await page.route("**/api/v1/**", (route) => route.abort());

  const notice = page.getByRole("alert").filter({ hasText: "Not up to date" });

  await expect(notice).toContainText("The console’s server could not be reached");
  // What was read stays to be seen.
  await expect(page.getByText("Up", { exact: true }).first()).toBeVisible();
  await expectAccessible(page);
  await page.unroute("**/api/v1/**");
  await notice.getByRole("button", { name: "Try again" }).click();
  await expect(notice).toBeHidden();
});

test("the console can be used by keyboard alone", async ({ page, product }) => {
  await page.goto("/sign-in");
  await page.getByLabel("Email").focus();
  await page.keyboard.type(product.admin.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(product.admin.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

  // The first stop of the tab key skips what repeats on every page.
  await page.keyboard.press("Tab");
  await expect(page.locator(":focus")).toHaveText(/skip/i);

  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.type("audit");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/audit/);

  await page.goto(`/instances/${instanceId}/keks/${kek}`);
  await page.getByRole("button", { name: "Revoke KEK" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  // Danger is never the default.
  await expect(page.locator(":focus")).not.toHaveText("Revoke KEK");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("alertdialog")).toBeHidden();
});
