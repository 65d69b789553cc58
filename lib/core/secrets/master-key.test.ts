import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { deriveKey, ensureMasterKey, MasterKeyError, sealSecret, unsealSecret } from "./index";

const folder = mkdtempSync(join(tmpdir(), "kmip-console-secrets-"));
const file = join(folder, "master.key");

ensureMasterKey(file);
afterAll(() => rmSync(folder, { recursive: true }));

describe("master key", () => {
  it("is made once, readable by the owner only", () => {
    const first = readFileSync(file, "utf8");

    ensureMasterKey(file);
    expect(readFileSync(file, "utf8")).toBe(first);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("is refused when others can read it, or when it is not a key", () => {
    const open = join(folder, "open.key");

    ensureMasterKey(open);
    chmodSync(open, 0o644);
    expect(() => ensureMasterKey(open)).toThrow(/chmod 600/);

    const short = join(folder, "short.key");

    writeFileSync(short, "c2hvcnQ=", { mode: 0o600 });
    expect(() => ensureMasterKey(short)).toThrow(MasterKeyError);
  });

  it("derives another key for another purpose", () => {
    expect(deriveKey("a", 32, file)).toEqual(deriveKey("a", 32, file));
    expect(deriveKey("a", 32, file)).not.toEqual(deriveKey("b", 32, file));
  });
});

describe("sealed secrets", () => {
  it("open with the same purpose only, and not after any change", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), fc.nat(), (secret, purpose, position) => {
        const sealed = sealSecret(secret, purpose, file);

        expect(new Uint8Array(unsealSecret(sealed, purpose, file))).toEqual(secret);
        expect(() => unsealSecret(sealed, `${purpose}!`, file)).toThrow(MasterKeyError);

        const changed = sealed.slice();
        const at = position % changed.length;

        changed[at] = (changed[at] ?? 0) ^ 1;
        expect(() => unsealSecret(changed, purpose, file)).toThrow(MasterKeyError);
        expect(() => unsealSecret(sealed.slice(0, at), purpose, file)).toThrow(MasterKeyError);
      }),
    );
  });

  it("do not hold the secret, and differ each time", () => {
    const sealed = Buffer.from(sealSecret("a very secret api key", "x", file));

    expect(sealed.includes("secret")).toBe(false);
    expect(sealed.equals(Buffer.from(sealSecret("a very secret api key", "x", file)))).toBe(false);
  });
});
