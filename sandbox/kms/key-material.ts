import { randomUUID } from "node:crypto";

import { toStoredDate } from "../clock";
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
  version: Pick<KeyVersionRecord, "id" | "createdAt">,
  material: Uint8Array,
): KeyVersionRecord {
  return {
    ...version,
    material: vault.seal(material, label(owner.instanceId, owner.id, version.id)),
  };
}

/** The key rotated to new material, which is zeroed. `now` in milliseconds. */
export function withNewVersion(vault: Vault, key: KeyRecord, material: Buffer, now: number): KeyRecord {
  const date = toStoredDate(now);
  const version = sealVersion(vault, key, { id: randomUUID(), createdAt: date }, material);
  const bitLength = material.length * 8;
  material.fill(0);

  return { ...key, versions: [...key.versions, version], bitLength, rotatedAt: date, updatedAt: date };
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
    for (const { bytes } of materials) {
      bytes.fill(0);
    }
  }
}
