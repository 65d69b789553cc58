import { ConnectGuide } from "@/components/connect/connect-guide";

export default async function ConnectPage({ params }: { params: Promise<{ id: string }> }) {
  return <ConnectGuide instanceId={(await params).id} />;
}
