import { dehydrate, HydrationBoundary, QueryClient } from "@tanstack/react-query";
import type { Metadata } from "next";
import type { ReactNode } from "react";
import { InstanceFrame } from "@/components/instances/instance-frame";
import { fetchInstance } from "../../../prefetch";

type Props = { params: Promise<{ id: string }>; children: ReactNode };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const instance = await fetchInstance(new QueryClient(), (await params).id);

  return { title: instance.name };
}

/** Head and tabs of an instance. */
export default async function InstanceLayout({ params, children }: Props) {
  const { id } = await params;
  const client = new QueryClient();
  await fetchInstance(client, id);

  return (
    <HydrationBoundary state={dehydrate(client)}>
      <InstanceFrame id={id}>{children}</InstanceFrame>
    </HydrationBoundary>
  );
}
