import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// `playwright install` downloads; the tests take the system's Chromium instead.
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);

if (!executablePath && process.env.CI) {
  throw new Error("Chromium is missing: apt-get install chromium");
}

export default defineConfig({
  testDir: "e2e",
  testMatch: executablePath ? "**/*.spec.ts" : "**/nothing",
  outputDir: "test-results/browser",
  globalSetup: "./e2e/support/global-setup.ts",
  // One product, two cores: journeys run one after the other.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1440, height: 960 },
    // Traces and videos would hold what is typed, an API key among it.
    trace: "off",
    video: "off",
    screenshot: "off",
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
