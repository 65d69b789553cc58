import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idOfObject, objectIdOf } from "./object-id";
import { nextVersion } from "./root-keys";
import { formatTokenUri, parseTokenUri } from "./uri";

describe("PKCS#11 URIs", () => {
  it("give back what they were made of", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 32 }),
        fc.string({ minLength: 0, maxLength: 16 }),
        fc.constantFrom(undefined, "database" as const),
        (label, serial, storage) => {
          const address = { module: "softhsm", label, serial, ...(storage ? { storage } : {}) };

          expect(parseTokenUri(formatTokenUri(address))).toEqual(address);
        },
      ),
    );
  });

  it.each([
    "",
    "pkcs11:token=x",
    "pkcs11:token=;serial=?module-name=softhsm",
    "pkcs11:token=x;serial=y?module-path=/tmp/evil.so",
    "pkcs11:token=x;serial=y?module-name=a&module-path=/tmp/evil.so",
    "pkcs11:token=%zz;serial=y?module-name=a",
    "pkcs11:token=x;serial=y?module-name=a&x-storage=elsewhere",
    "crn:v1:bluemix:public:kms:us-south:a/1:2::",
  ])("are not %j", (text) => {
    expect(parseTokenUri(text)).toBeNull();
  });
});

describe("object identifiers of standard keys", () => {
  it("hold the UUID, and nothing else passes for one", () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(idOfObject(objectIdOf(id) ?? Buffer.alloc(0))).toBe(id);
      }),
    );
    // X.667, 8: f81d4fae-7dec-11d0-a765-00a0c91e6bf6 is 2.25.329800735698586629295641978511506172918.
    const der = objectIdOf("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    expect(der?.toString("hex")).toBe("06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776");
    expect(objectIdOf("crk")).toBeNull();
    expect(idOfObject(Buffer.from("0603550403", "hex"))).toBeNull();
    expect(idOfObject(Buffer.alloc(0))).toBeNull();
  });
});

describe("versions of a root key", () => {
  it.each([
    [null, "01"],
    ["", "01"],
    ["01", "02"],
    ["ff", "0100"],
    ["0009", "000a"],
  ])("after %j comes %j", (latest, next) => {
    expect(nextVersion(latest === null ? null : Buffer.from(latest, "hex")).toString("hex")).toBe(next);
  });
});
