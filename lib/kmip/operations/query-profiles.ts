/**
 * The profiles of KMIP 2.x that this server conforms to (Query Profiles; 2.1: 7.31). Only what `docs/conformance.md` has
 * been measured for is told: nothing of key pairs, certificates or PKCS#11, and not the Complete Server.
 */
import { ProfileName } from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { enumeration, type Item, structure } from "../ttlv/item";

const PROFILES = [
  ProfileName.BaselineServer,
  ProfileName.TapeLibraryServer,
  ProfileName.SymmetricKeyLifecycleServer,
  ProfileName.BasicCryptographicServer,
  ProfileName.RNGCryptographicServer,
  ProfileName.SymmetricKeyFoundryServer,
  ProfileName.OpaqueManagedObjectStoreServer,
  ProfileName.StorageArrayWithSelfEncryptingDriveServer,
  ProfileName.AESXTSServer,
] as const;

/** Where KMIP over HTTPS is on. */
const HTTPS_PROFILES = [ProfileName.HTTPSServer, ProfileName.JSONServer, ProfileName.XMLServer] as const;

/** Table 383, one for each profile. The optional Profile Version is left out: PyKMIP's client in 2.0 cannot read it. */
export const profileItems = (overHttps: boolean): Item[] =>
  [...PROFILES, ...(overHttps ? HTTPS_PROFILES : [])].map((name) =>
    structure(Tag.ProfileInformation, [enumeration(Tag.ProfileName, name)]),
  );
