/**
 * Draws the icons in public/ from the mark: `npx tsx scripts/make-icons.ts`. Their SVG follows the theme by itself; the
 * others cannot, so that small ones are in a colour that shows on light and on dark, and large ones have a ground.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "@playwright/test";
import { findChromium } from "./lib/chromium.mjs";
import { root } from "./lib/command.mjs";

const folder = join(root, "public");
const paths = [...readFileSync(join(folder, "icon.svg"), "utf8").matchAll(/<path d="[^"]+"\/>/g)].join("");

/** 3:1 on white and on the dark grounds of browsers (WCAG 1.4.11). */
const ON_BOTH = "#0a8f96";
const GROUND = "#00777e";

type Icon = {
  readonly file: string;
  readonly size: number;
  /** Width of the mark, of 1; what an operating system cuts off at the edges must not touch it. */
  readonly mark: number;
  /** Absent: no ground. Otherwise its corners, of 1. */
  readonly corners?: number;
};

const ICONS: readonly Icon[] = [
  { file: "favicon-16.png", size: 16, mark: 1 },
  { file: "favicon-32.png", size: 32, mark: 1 },
  // iOS rounds the corners itself.
  { file: "apple-touch-icon.png", size: 180, mark: 0.68, corners: 0 },
  { file: "icon-192.png", size: 192, mark: 0.72, corners: 0.2 },
  { file: "icon-512.png", size: 512, mark: 0.72, corners: 0.2 },
  // Android cuts any shape out of it; the inner 80 % are safe.
  { file: "icon-maskable-512.png", size: 512, mark: 0.56, corners: 0 },
];

function svgOf({ size, mark, corners }: Icon): string {
  // The mark is drawn 28 wide and 28 high, with its middle in the middle.
  const side = 28 / mark;
  const ground =
    corners === undefined
      ? ""
      : `<rect x="${14 - side / 2}" y="${8 - side / 2}" width="${side}" height="${side}" rx="${side * corners}" fill="${GROUND}"/>`;

  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="${14 - side / 2} ${8 - side / 2} ${side} ${side}">` +
    `${ground}<g fill="none" stroke="${corners === undefined ? ON_BOTH : "#fff"}" stroke-width="2.6">${paths}</g></svg>`
  );
}

async function draw(browser: Browser, icon: Icon): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: icon.size, height: icon.size } });

  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${svgOf(icon)}`);

  const png = await page.screenshot({ omitBackground: true });

  await page.close();

  return png;
}

/** An .ico of PNG images: a header of 6 bytes, an entry of 16 for each image, the images. */
function icoOf(images: readonly { readonly size: number; readonly png: Buffer }[]): Buffer {
  const header = Buffer.alloc(6 + 16 * images.length);

  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(images.length, 4);

  let offset = header.length;

  for (const [index, { size, png }] of images.entries()) {
    const at = 6 + 16 * index;

    header.writeUInt8(size, at);
    header.writeUInt8(size, at + 1);
    header.writeUInt16LE(1, at + 4);
    header.writeUInt16LE(32, at + 6);
    header.writeUInt32LE(png.length, at + 8);
    header.writeUInt32LE(offset, at + 12);
    offset += png.length;
  }

  return Buffer.concat([header, ...images.map(({ png }) => png)]);
}

const executablePath = findChromium();

if (executablePath === null) {
  throw new Error("Chromium is missing: apt-get install chromium");
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

try {
  for (const icon of ICONS) {
    writeFileSync(join(folder, icon.file), await draw(browser, icon));
  }

  const small = [16, 32, 48].map(async (size) => ({
    size,
    png: await draw(browser, { file: "", size, mark: 1 }),
  }));

  writeFileSync(join(folder, "favicon.ico"), icoOf(await Promise.all(small)));
} finally {
  await browser.close();
}
