import { InstanceSettings } from "@/components/settings/instance-settings";

export default async function SettingsPage({ params }: { params: Promise<{ id: string }> }) {
  return <InstanceSettings instanceId={(await params).id} />;
}
