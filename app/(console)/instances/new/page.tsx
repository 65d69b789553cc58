import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { OrderWizard } from "@/components/order-wizard/wizard";
import { hasDeploymentIdentity } from "@/lib/key-managers/hpcs/deployment-identity";
import { requirePageSession } from "../../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("wizard"))("orderTitle") };
}

export default async function OrderPage() {
  await requirePageSession();

  return <OrderWizard serviceAuthorization={hasDeploymentIdentity()} />;
}
