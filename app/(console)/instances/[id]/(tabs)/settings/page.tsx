import { InstanceSettings } from "@/components/settings/instance-settings";
import { listKeyManagers } from "@/lib/api/key-managers/operations";
import { Prefetch } from "../../../../prefetch";

export default async function SettingsPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;

  return (
    <Prefetch read={(_optional, required) => [required(listKeyManagers, {})]}>
      <InstanceSettings instanceId={id} />
    </Prefetch>
  );
}
