const BROWSERS = [
  ["Edge", /\bEdg(?:e|A|iOS)?\//],
  ["Firefox", /\b(?:Firefox|FxiOS)\//],
  ["Opera", /\bOPR\//],
  ["Chrome", /(?:Chrome|CriOS)\//],
  ["Safari", /\bSafari\//],
  ["curl", /^curl\//],
] as const;

const SYSTEMS = [
  ["iOS", /\b(?:iPhone|iPad)\b/],
  ["Android", /\bAndroid\b/],
  ["Windows", /\bWindows\b/],
  ["macOS", /\bMac OS X\b/],
  ["ChromeOS", /\bCrOS\b/],
  ["Linux", /\bLinux\b/],
] as const;

/** Browser and system of a User-Agent header, of those that people use; null for what is not known. */
export function agentOf(agent: string | null): { browser: string; system: string | null } | null {
  const first = (names: readonly (readonly [string, RegExp])[]) =>
    names.find(([, pattern]) => agent !== null && pattern.test(agent))?.[0] ?? null;
  const browser = first(BROWSERS);

  return browser === null ? null : { browser, system: first(SYSTEMS) };
}
