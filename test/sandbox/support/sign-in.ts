/** What a browser does on the sandbox's sign-in page: reads the form and sends it with a choice. */

function decoded(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

/** The page's text, and its fields by name. */
export async function openSignInPage(
  authorizeUrl: string,
): Promise<{ response: Response; html: string; fields: URLSearchParams; people: string[] }> {
  const response = await fetch(authorizeUrl, { redirect: "manual" });
  const html = await response.text();
  const fields = new URLSearchParams(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(([, name, value]) => [
      decoded(name ?? ""),
      decoded(value ?? ""),
    ]),
  );
  const people = [...html.matchAll(/<button name="person" value="([^"]*)"/g)].map(([, value]) =>
    decoded(value ?? ""),
  );

  return { response, html, fields, people };
}

/** Chooses a person on the page; where the browser is then led. */
export async function signInAs(authorizeUrl: string, person: string): Promise<URL> {
  const { fields } = await openSignInPage(authorizeUrl);
  fields.set("person", person);
  const { origin, pathname } = new URL(authorizeUrl);
  const response = await fetch(`${origin}${pathname}`, { method: "POST", body: fields, redirect: "manual" });

  return new URL(response.headers.get("location") ?? "");
}
