import { expect, expectAccessible, test } from "./support/test";

test.describe("single sign-on with the sandbox as provider", () => {
  test("a member comes back signed in, with the role of the membership", async ({ page, product }) => {
    await page.goto("/sign-in");
    await page.getByRole("button", { name: "Continue with Sandbox" }).click();
    await expect(page.getByRole("heading", { name: "Sign in to the sandbox" })).toBeVisible();
    await expectAccessible(page);
    await page.getByRole("button", { name: product.admin.email }).click();

    await expect(page).toHaveURL(/\/$|\/overview$/);
    const me = await page.request.get("/api/v1/me");
    expect(await me.json()).toMatchObject({ email: product.admin.email, role: "administrator" });
  });

  for (const person of ["viewer@example.com", "unverified@example.com"]) {
    test(`${person}, who is no member or not verified, is refused with a reason`, async ({ page }) => {
      await page.goto("/sign-in");
      await page.getByRole("button", { name: "Continue with Sandbox" }).click();
      await page.getByRole("button", { name: person }).click();

      await expect(page).toHaveURL(/\/sign-in\?.*error=AccessDenied/);
      await expect(page.getByRole("alert").filter({ hasText: /\S/ })).toBeVisible();
      expect((await page.request.get("/api/v1/me")).status()).toBe(401);
    });
  }
});
