import type { Metadata, Viewport } from "next";
import { cookies, headers } from "next/headers";
import { NextIntlClientProvider } from "next-intl";
import { getLocale, getTranslations } from "next-intl/server";
import type { ReactNode } from "react";
import { THEME_COOKIE, themeOf } from "@/components/shell/theme";
import { NONCE_HEADER } from "./content-security-policy";
import { mono, sans, sansExtended } from "./fonts";
import "./globals.css";
import { Providers } from "./providers";

export async function generateMetadata(): Promise<Metadata> {
  const t = await getTranslations("common");

  return {
    title: { default: t("product"), template: `%s · ${t("product")}` },
    robots: { index: false, follow: false },
    manifest: "/site.webmanifest",
    icons: {
      icon: [
        // Browsers that do not draw SVG take the first that they can; the others prefer the SVG, which follows the theme.
        { url: "/favicon.ico", sizes: "48x48" },
        { url: "/favicon-16.png", type: "image/png", sizes: "16x16" },
        { url: "/favicon-32.png", type: "image/png", sizes: "32x32" },
        { url: "/icon.svg", type: "image/svg+xml", sizes: "any" },
      ],
      apple: "/apple-touch-icon.png",
    },
  };
}

export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  colorScheme: "light dark",
  // --bg of globals.css.
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f8fafc" },
    { media: "(prefers-color-scheme: dark)", color: "#0d1218" },
  ],
};

export default async function RootLayout({ children }: Readonly<{ children: ReactNode }>) {
  const [locale, cookieStore, headerStore] = await Promise.all([getLocale(), cookies(), headers()]);
  const theme = themeOf(cookieStore.get(THEME_COOKIE)?.value);

  return (
    <html
      lang={locale}
      data-theme={theme}
      className={`${sans.variable} ${sansExtended.variable} ${mono.variable}`}
    >
      <body>
        <NextIntlClientProvider>
          <Providers nonce={headerStore.get(NONCE_HEADER) ?? undefined}>{children}</Providers>
        </NextIntlClientProvider>
      </body>
    </html>
  );
}
