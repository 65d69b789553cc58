import { redirect } from "next/navigation";

export default async function InstancePage({ params }: { params: Promise<{ id: string }> }) {
  redirect(`/instances/${encodeURIComponent((await params).id)}/overview`);
}
