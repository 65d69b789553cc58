import { describe, expect, inject, it } from "vitest";

const { consoleUrl } = inject("product");
const get = (path: string) => fetch(`${consoleUrl}${path}`, { redirect: "manual" });

describe("what anybody may read without a sign-in", () => {
  it.each([
    ["/icon.svg", /^image\/svg\+xml/],
    ["/favicon.ico", /^image\/(x-icon|vnd\.microsoft\.icon)/],
    ["/favicon-16.png", /^image\/png/],
    ["/favicon-32.png", /^image\/png/],
    ["/apple-touch-icon.png", /^image\/png/],
    ["/icon-192.png", /^image\/png/],
    ["/icon-512.png", /^image\/png/],
    ["/icon-maskable-512.png", /^image\/png/],
    ["/site.webmanifest", /^application\/manifest\+json/],
    ["/robots.txt", /^text\/plain/],
    ["/security-contact.txt", /^text\/plain/],
  ])("%s", async (path, type) => {
    const response = await get(path);

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(type);
    expect(response.headers.get("cache-control")).toBe("public, max-age=86400");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("set-cookie")).toBeNull();
    // No page's policy: it names a nonce, and these are no pages.
    expect(response.headers.get("content-security-policy")).toBeNull();
  });

  it("/.well-known/security.txt, never from a cache", async () => {
    const response = await get("/.well-known/security.txt");
    const text = await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; *charset=utf-8$/i);
    expect(response.headers.get("cache-control")).toMatch(/no-store/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(text).toMatch(/^Contact: \S+\/security-contact\.txt$/m);

    const expires = Date.parse(/^Expires: (.*)$/m.exec(text)?.[1] ?? "");

    expect(expires).toBeGreaterThan(Date.now());
    expect(expires).toBeLessThan(Date.now() + 365 * 86_400_000);
  });

  it("robots.txt keeps search engines away from all of it", async () => {
    expect(await (await get("/robots.txt")).text()).toMatch(/^User-agent: \*\nDisallow: \/$/m);
  });

  it("a page names its icons and the manifest, and still has its policy", async () => {
    const response = await get("/sign-in");
    const html = await response.text();

    expect(response.headers.get("content-security-policy")).toMatch(/'nonce-/);

    for (const path of ["/site.webmanifest", "/favicon.ico", "/icon.svg", "/apple-touch-icon.png"]) {
      expect(html).toContain(`href="${path}"`);
    }
  });

  it("and a page that looks like a file in it is a page", async () => {
    const response = await get("/instances/robots.txt");

    expect(response.headers.get("content-security-policy")).toMatch(/'nonce-/);
  });
});
