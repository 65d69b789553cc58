import type { KeyRecord, KeyVersionRecord } from "../store/model";
import type { Vault } from "../store/vault";
import type { Material } from "./crypto";

function label(instanceId: string, keyId: string, versionId: string): string {
  return `key/${instanceId}/${keyId}/${versionId}`;
}

/** A new version of a key with its material sealed for storage. Does not zero the material. */
export function sealVersion(
  vault: Vault,
  owner: Pick<KeyRecord, "instanceId" | "id">,
  versionId: string,
  material: Uint8Array,
  createdAt: string,
): KeyVersionRecord {
  return {
    id: versionId,
    createdAt,
    material: vault.seal(material, label(owner.instanceId, owner.id, versionId)),
  };
}

/** Calls `use` with the material of these versions of a key, which is zeroed afterwards. */
export function withMaterial<T>(
  vault: Vault,
  key: KeyRecord,
  versions: readonly KeyVersionRecord[],
  use: (materials: readonly Material[]) => T,
): T {
  const materials = versions.map((version) => ({
    versionId: version.id,
    bytes: vault.unseal(version.material, label(key.instanceId, key.id, version.id)),
  }));
  try {
    return use(materials);
  } finally {
    for (const { bytes } of materials) bytes.fill(0);
  }
}
