import type { ProviderView } from "@/lib/core/key-managers";
import type { KeyManagerProvider } from "./schemas";

export function serializeProvider({
  credential,
  choices,
  deprecation,
  ...view
}: ProviderView): KeyManagerProvider {
  return {
    ...view,
    credential: { ...credential, fields: credential.fields.map((field) => ({ ...field })) },
    choices: { ...choices },
    deprecation: deprecation && { ...deprecation, endsAt: deprecation.endsAt.toISOString() },
  };
}
