/** Header by which the proxy hands the nonce to the page it renders. */
export const NONCE_HEADER = "x-nonce";

/** Header by which the proxy tells the page its own address, to come back to after signing in. */
export const PATH_HEADER = "x-path";

/**
 * The Content-Security-Policy of pages. Every allowance has its reason:
 *
 * - `script-src 'nonce-…' 'strict-dynamic'`: Next's bootstrap scripts carry the nonce and load the rest; no
 *   host list and no inline code. Development adds `'unsafe-eval'`, which React's error overlay needs.
 * - `style-src-elem 'self' 'nonce-…'`: the stylesheet, and the elements that Radix adds with the nonce while
 *   a dialog or a select list is open. Development adds inline styles for hot reload.
 * - `style-src-attr 'unsafe-inline'`: style attributes in server-rendered markup (widths of bars, positions).
 *   An attribute can load nothing here: fonts and images are limited to this origin as well.
 * - `img-src data:`: none of ours; browsers use it for form controls. `blob:` is not needed and not given.
 * - `connect-src 'self'`: the REST API and its event stream. No telemetry, no CDN.
 */
export function contentSecurityPolicy(nonce: string, development: boolean): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    development ? "style-src-elem 'self' 'unsafe-inline'" : `style-src-elem 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${development ? " ws:" : ""}`,
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
