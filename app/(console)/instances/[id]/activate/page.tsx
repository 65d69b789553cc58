import { QueryClient } from "@tanstack/react-query";
import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { getTranslations } from "next-intl/server";
import { OrderWizard } from "@/components/order-wizard/wizard";
import { listKeyManagers } from "@/lib/api/key-managers/operations";
import { fetchInstance, Prefetch } from "../../../prefetch";

type Props = { params: Promise<{ id: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const [t, instance] = await Promise.all([
    getTranslations("wizard"),
    fetchInstance(new QueryClient(), (await params).id),
  ]);

  return { title: t("activateTitle", { name: instance.name }) };
}

export default async function ActivatePage({ params }: Props) {
  const instance = await fetchInstance(new QueryClient(), (await params).id);

  // Only an ordered instance waits for its key manager; for any other its own page is the answer.
  if (instance.status !== "inactive") {
    redirect(`/instances/${instance.id}/overview`);
  }

  const { id, name, region } = instance;

  return (
    <Prefetch read={(_optional, required) => [required(listKeyManagers, {})]}>
      <OrderWizard instance={{ id, name, region }} />
    </Prefetch>
  );
}
