/**
 * `npm test`: every check of the repository, from a clean clone. Ends with the sum over all suites in one line.
 *   npm test                 everything
 *   npm test -- pure         only the named parts: lint, types, dead-code, pure, unit, product, e2e
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt } from "./lib/build.mjs";
import { findChromium } from "./lib/chromium.mjs";
import { checkNode, root } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

const node = process.execPath;
const results = join(root, "test-results");
const chosen = process.argv.slice(2);

/** Runs a command with its output shown; resolves with its exit code. */
function run(args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });

    child.once("error", () => resolve(1));
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/** A tool that only passes or fails counts as one test. */
async function single(args) {
  const code = await run(args);

  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

async function vitest(project) {
  const file = join(results, `vitest-${project}.json`);
  const code = await run([
    "node_modules/vitest/vitest.mjs",
    "run",
    `--project=${project}`,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ]);
  const report = readReport(file);

  if (!report) {
    return { passed: 0, failed: 1, skipped: 0 };
  }

  // A file that could not be loaded has no failed test of its own; the exit code tells.
  const failed = Math.max(report.numFailedTests, code === 0 ? 0 : 1);

  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests };
}

async function endToEnd() {
  // In CI a missing tool is a failure: Playwright's configuration says which.
  if (!findChromium() && !process.env.CI) {
    console.log("Chromium is missing (apt-get install chromium): the browser tests are skipped.");

    return { passed: 0, failed: 0, skipped: 1 };
  }

  const file = join(results, "playwright.json");
  const code = await run(["node_modules/@playwright/test/cli.js", "test", "--reporter=list,json"], {
    PLAYWRIGHT_JSON_OUTPUT_NAME: file,
  });
  const stats = readReport(file)?.stats;

  if (!stats) {
    return { passed: 0, failed: 1, skipped: 0 };
  }

  const failed = Math.max(stats.unexpected, code === 0 ? 0 : 1);

  return { passed: stats.expected + stats.flaky, failed, skipped: stats.skipped };
}

const suites = [
  ["lint", () => single(["node_modules/@biomejs/biome/bin/biome", "check", "."])],
  // Anew each time: what an earlier run kept does not notice that a message (JSON) was mended since.
  ["types", () => single(["node_modules/typescript/bin/tsc", "--noEmit", "--incremental", "false"])],
  ["dead-code", () => single(["node_modules/knip/bin/knip.js"])],
  ["pure", () => vitest("pure")],
  ["unit", () => vitest("unit")],
  ["product", () => vitest("product")],
  ["e2e", endToEnd],
];

for (const name of chosen) {
  if (!suites.some(([suite]) => suite === name)) {
    console.error(`There is no suite ${name}; there are ${suites.map(([suite]) => suite).join(", ")}.`);
    process.exit(2);
  }
}

checkNode();
await ensureInstalled();
await ensureBuilt();
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

const sum = { passed: 0, failed: 0, skipped: 0 };

for (const [name, suite] of suites) {
  if (chosen.length > 0 && !chosen.includes(name)) {
    continue;
  }

  console.log(`\n== ${name}`);

  const result = await suite();

  console.log(
    `== ${name}: ${result.passed} passed, ${result.failed} failed${result.skipped ? `, ${result.skipped} skipped` : ""}`,
  );

  for (const key of Object.keys(sum)) {
    sum[key] += result[key];
  }
}

if (sum.skipped > 0) {
  console.log(`\n${sum.skipped} skipped: what a key manager cannot do, or for want of a tool.`);
}

// The last line has this form, whoever reads it.
console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
process.exit(sum.failed > 0 ? 1 : 0);
