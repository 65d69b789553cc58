import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { Shell } from "@/components/shell/shell";
import { THEME_COOKIE, themeOf } from "@/components/shell/theme";
import { Prefetch } from "./prefetch";

/** Every page behind the sign-in. */
export default async function ConsoleLayout({ children }: Readonly<{ children: ReactNode }>) {
  const theme = themeOf((await cookies()).get(THEME_COOKIE)?.value);

  return (
    <Prefetch
      read={(client, queries) => [
        // The shell cannot be drawn without knowing for whom: an error here is the page's error.
        client.fetchQuery(queries.me()),
        client.prefetchQuery(queries.endpoints.list()),
      ]}
    >
      <Shell theme={theme}>{children}</Shell>
    </Prefetch>
  );
}
