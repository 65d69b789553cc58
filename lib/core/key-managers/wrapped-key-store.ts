import { database } from "@/lib/db";
import type { WrappedKeyStore } from "@/lib/key-managers/wrapped-key-store";

/** Wrapped KEKs of tokens without data objects, in the table `pkcs11_wrapped_key`. */
export const wrappedKeyStore: WrappedKeyStore = {
  async insert(token, { id, name, description, payload, hmac }) {
    await database().pool.query(
      `INSERT INTO pkcs11_wrapped_key (id, token, name, description, payload, hmac) VALUES ($1, $2, $3, $4, $5, $6)`,
      [id, token, name, description, Buffer.from(payload), Buffer.from(hmac)],
    );
  },

  async find(token, { name, description }) {
    const { rows } = await database().pool.query<{ id: string }>(
      "SELECT id FROM pkcs11_wrapped_key WHERE token = $1 AND name = $2 AND description = $3",
      [token, name, description],
    );

    return rows.map(({ id }) => id);
  },

  async read(token, id) {
    const { rows } = await database().pool.query<{
      id: string;
      name: string;
      description: string;
      payload: Buffer;
      hmac: Buffer;
    }>("SELECT id, name, description, payload, hmac FROM pkcs11_wrapped_key WHERE token = $1 AND id = $2", [
      token,
      id,
    ]);

    return rows[0] ?? null;
  },

  async delete(token, id) {
    await database().pool.query("DELETE FROM pkcs11_wrapped_key WHERE token = $1 AND id = $2", [token, id]);
  },
};
