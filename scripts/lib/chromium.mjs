import { existsSync } from "node:fs";

/** The system's Chromium (`playwright install` downloads one, which fails behind a firewall), or null. */
export function findChromium() {
  return (
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) =>
      existsSync(file),
    ) ?? null
  );
}
