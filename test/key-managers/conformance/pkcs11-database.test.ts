import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wrappedKeyStore } from "@/lib/core/key-managers/wrapped-key-store";
import { setDatabase } from "@/lib/db";
import { formatToken } from "@/lib/key-managers/pkcs11/uri";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { call, hasSoftHsm, softHsmForTests } from "../support/softhsm";
import { describeKeyManager } from "./describe-key-manager";
import { makeSoftHsmWorld, SOFTHSM_LACKS } from "./softhsm-world";

/** Wrapped keys in the database, as for a token that keeps no data objects. */
describe.skipIf(!hasSoftHsm)("with SoftHSM and the database", () => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await createTestDatabase();
    setDatabase(test.database);
  });

  afterAll(async () => {
    setDatabase(null);
    await test?.drop();
  });

  describeKeyManager("PKCS#11, keys in the database", () => makeSoftHsmWorld(wrappedKeyStore), {
    lacks: SOFTHSM_LACKS,
  });

  describe("what somebody changed in the database", () => {
    const hsm = softHsmForTests();

    it("is not believed", async () => {
      const token = await hsm.makeToken("signing");
      const adapter = token.connectTo(wrappedKeyStore);
      const make = (name: string) =>
        adapter.createStandardKey({ name, description: "d", payload: Buffer.from(`wrapped ${name}`) }, call);
      const [one, two] = [await make("one"), await make("two")];
      const change = (sql: string) => test.database.pool.query(sql, [one.id, two.id]);
      const read = () =>
        adapter.getStandardKey(one.id, call).then(
          ({ name }) => name,
          ({ failure, code }) => [failure, code],
        );
      const changes = [
        "name = 'two'",
        "description = 'e'",
        "payload = (SELECT payload FROM pkcs11_wrapped_key WHERE id = $2)",
        "hmac = (SELECT hmac FROM pkcs11_wrapped_key WHERE id = $2)",
        "payload = o.payload, name = o.name, description = o.description, hmac = o.hmac",
        "hmac = ''",
      ];
      expect(await read()).toBe("one");

      for (const set of changes) {
        const { rows } = await test.database.pool.query("SELECT * FROM pkcs11_wrapped_key WHERE id = $1", [
          one.id,
        ]);
        await change(
          `UPDATE pkcs11_wrapped_key AS k SET ${set} FROM pkcs11_wrapped_key AS o WHERE k.id = $1 AND o.id = $2`,
        );
        expect(await read(), set).toEqual(["ciphertext", "TOKEN_HMAC_MISMATCH"]);
        const { name, description, payload, hmac } = rows[0];
        await test.database.pool.query(
          "UPDATE pkcs11_wrapped_key SET name = $2, description = $3, payload = $4, hmac = $5 WHERE id = $1",
          [one.id, name, description, payload, hmac],
        );
        expect(await read()).toBe("one");
      }

      await test.database.pool.query(
        "UPDATE pkcs11_wrapped_key SET token = 'pkcs11:token=x;serial=y' WHERE id = $1",
        [one.id],
      );
      expect(await read()).toEqual(["notFound", "WRAPPED_KEY_NOT_FOUND"]);
      expect(await wrappedKeyStore.read(formatToken(token), two.id)).toMatchObject({ name: "two" });
    });
  });
});
