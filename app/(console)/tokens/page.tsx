import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { TokenList } from "@/components/tokens/token-list";
import { listTokens } from "@/lib/api/tokens/operations";
import { Prefetch } from "../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("tokens"))("title") };
}

export default function TokensPage() {
  return (
    <Prefetch read={(prefetch) => [prefetch(listTokens, { limit: 50 })]}>
      <TokenList />
    </Prefetch>
  );
}
