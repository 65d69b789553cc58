import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { securityText } from "@/app/security-text";
import { parseEnv } from "@/lib/env";
import { root } from "./support/imports";

const read = (name: string) => readFileSync(join(root, "public", name));

/** Width and height of a PNG (its IHDR, RFC 2083 4.1.1). */
function sizeOf(png: Buffer): [number, number] {
  expect(png.subarray(0, 8)).toEqual(Buffer.from("89504e470d0a1a0a", "hex"));

  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

describe("icons", () => {
  it.each([
    ["favicon-16.png", 16],
    ["favicon-32.png", 32],
    ["apple-touch-icon.png", 180],
    ["icon-192.png", 192],
    ["icon-512.png", 512],
    ["icon-maskable-512.png", 512],
  ])("%s is as large as it says", (name, size) => {
    expect(sizeOf(read(name))).toEqual([size, size]);
  });

  it("favicon.ico holds three sizes", () => {
    const ico = read("favicon.ico");
    const sizes = Array.from({ length: ico.readUInt16LE(4) }, (_, index) => {
      const at = 6 + 16 * index;
      const offset = ico.readUInt32LE(at + 12);
      const png = ico.subarray(offset, offset + ico.readUInt32LE(at + 8));

      expect(sizeOf(png)).toEqual([ico.readUInt8(at), ico.readUInt8(at + 1)]);

      return ico.readUInt8(at);
    });

    expect(sizes).toEqual([16, 32, 48]);
  });

  it("icon.svg follows the theme", () => {
    expect(read("icon.svg").toString()).toMatch(/prefers-color-scheme:\s*dark/);
  });

  it("are there if the manifest names them", () => {
    const manifest = JSON.parse(read("site.webmanifest").toString()) as { icons: { src: string }[] };
    const names = readdirSync(join(root, "public"));

    expect(manifest.icons.length).toBeGreaterThan(2);
    expect(manifest.icons.map(({ src }) => src.slice(1)).filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe("security.txt", () => {
  const now = new Date("2026-12-01T10:11:12.345Z");
  const fields = (environment: Record<string, string>) =>
    securityText(parseEnv(environment), now)
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/: (.*)/).slice(0, 2));

  it("names the contacts of whoever runs the console", () => {
    expect(
      fields({
        PUBLIC_URL: "https://keys.example.com/",
        SECURITY_CONTACT: "mailto:security@example.com, https://example.com/report",
      }),
    ).toEqual([
      ["Contact", "mailto:security@example.com"],
      ["Contact", "https://example.com/report"],
      ["Expires", "2027-03-01T00:00:00Z"],
      ["Policy", "https://keys.example.com/security-contact.txt"],
      ["Preferred-Languages", "en, zh"],
      ["Canonical", "https://keys.example.com/.well-known/security.txt"],
    ]);
  });

  it("leads to how to report where nobody is named", () => {
    expect(fields({ PUBLIC_URL: "https://keys.example.com" })[0]).toEqual([
      "Contact",
      "https://keys.example.com/security-contact.txt",
    ]);
  });

  it.each(["security@example.com", "http://example.com", "mailto:a@example.com,javascript:alert(1)"])(
    "takes no %s for a contact",
    (contact) => {
      expect(() => parseEnv({ SECURITY_CONTACT: contact })).toThrow(/SECURITY_CONTACT.*mailto:/);
    },
  );
});
