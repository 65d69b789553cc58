import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { Shell } from "@/components/shell/shell";
import { THEME_COOKIE, themeOf } from "@/components/shell/theme";
import { listEndpoints } from "@/lib/api/endpoints/operations";
import { getMe } from "@/lib/api/me/operations";
import { Prefetch } from "./prefetch";

/** Every page behind the sign-in. */
export default async function ConsoleLayout({ children }: Readonly<{ children: ReactNode }>) {
  const theme = themeOf((await cookies()).get(THEME_COOKIE)?.value);

  return (
    <Prefetch
      read={(prefetch, required) => [
        // The shell cannot be drawn without knowing for whom: an error here is the page's error.
        required(getMe, {}),
        prefetch(listEndpoints, {}),
      ]}
    >
      <Shell theme={theme}>{children}</Shell>
    </Prefetch>
  );
}
