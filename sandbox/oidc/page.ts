import { createHash } from "node:crypto";

import type { SandboxResponse } from "../http/types";
import type { Person } from "./provider";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 12vh auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; }
p { margin: 0.5rem 0 1.5rem; }
button { display: block; width: 100%; margin: 0.5rem 0; padding: 0.75rem 1rem; text-align: left; font: inherit;
  border: 1px solid; border-radius: 0.25rem; background: transparent; color: inherit; cursor: pointer; }
button:hover, button:focus-visible { outline: 2px solid #0f62fe; outline-offset: 1px; }
small { display: block; }
`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand in HTML, also within quotes. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

function page(status: number, title: string, content: string, formTargets: string): SandboxResponse {
  return {
    status,
    headers: {
      "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${formTargets}; frame-ancestors 'none'; base-uri 'none'`,
      "referrer-policy": "no-referrer",
    },
    html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>${content}</main></body></html>
`,
  };
}

/**
 * The page on which people choose who they are.
 *
 * @param parameters of the authorization request, which come back with the choice
 * @param redirectUri where the choice leads to; browsers hold a form's redirects to the policy as well
 */
export function signInPage(
  people: readonly Person[],
  parameters: Iterable<[string, string]>,
  redirectUri: string,
): SandboxResponse {
  const hidden = [...parameters]
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join("");
  const buttons = people
    .map(
      ({ email, name, emailVerified = true }) =>
        `<button name="person" value="${escapeHtml(email)}">${escapeHtml(name)}<small>${escapeHtml(email)}${
          emailVerified ? "" : " (address not verified)"
        }</small></button>`,
    )
    .join("");

  return page(
    200,
    "Sign in to the sandbox",
    `<p>A stand-in for IBM Cloud's sign-in, for trying single sign-on. There are no passwords. Who are you?</p>
<form method="post">${hidden}${buttons}</form>`,
    `'self' ${new URL(redirectUri).origin}`,
  );
}

/** A page that only says something. */
export function messagePage(status: number, title: string, text: string): SandboxResponse {
  return page(status, title, `<p>${escapeHtml(text)}</p>`, "'none'");
}
