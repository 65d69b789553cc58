import type { StandardKeyMarks } from "./key-manager";

/** A wrapped KEK beside an HMAC of its key manager. */
export type StoredKey = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly payload: Uint8Array;
  readonly hmac: Uint8Array;
};

/**
 * Where wrapped KEKs are kept of key managers that store no data. Each call is about the keys of one key manager alone,
 * by its name.
 */
export type WrappedKeyStore = {
  insert(keyManager: string, key: StoredKey): Promise<void>;
  find(keyManager: string, marks: StandardKeyMarks): Promise<string[]>;
  read(keyManager: string, id: string): Promise<StoredKey | null>;
  delete(keyManager: string, id: string): Promise<void>;
};
