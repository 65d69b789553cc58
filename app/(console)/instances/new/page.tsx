import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { OrderWizard } from "@/components/order-wizard/wizard";
import { listKeyManagers } from "@/lib/api/key-managers/operations";
import { Prefetch } from "../../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("wizard"))("orderTitle") };
}

export default function OrderPage() {
  return (
    <Prefetch read={(_optional, required) => [required(listKeyManagers, {})]}>
      <OrderWizard />
    </Prefetch>
  );
}
