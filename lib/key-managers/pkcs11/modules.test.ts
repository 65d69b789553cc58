import { describe, expect, it } from "vitest";
import { EnvError, parseEnv } from "@/lib/env";
import { requireModule } from "./modules";

describe("PKCS11_MODULES", () => {
  it("names modules by their absolute paths", () => {
    expect(parseEnv({}).PKCS11_MODULES).toEqual([]);
    expect(
      parseEnv({ PKCS11_MODULES: "softhsm=/usr/lib/softhsm/libsofthsm2.so, luna = /opt/a=b.so," })
        .PKCS11_MODULES,
    ).toEqual([
      { name: "softhsm", path: "/usr/lib/softhsm/libsofthsm2.so" },
      { name: "luna", path: "/opt/a=b.so" },
    ]);
  });

  it.each(["/usr/lib/x.so", "a=lib/x.so", "=/usr/lib/x.so", "A B=/usr/lib/x.so", "a=/x.so,a=/y.so"])(
    "refuses %j without repeating it",
    (text) => {
      expect(() => parseEnv({ PKCS11_MODULES: text })).toThrow(EnvError);
      expect(() => parseEnv({ PKCS11_MODULES: text })).toThrow(/PKCS11_MODULES/);
    },
  );

  it("is all that can be loaded", () => {
    const modules = [{ name: "softhsm", path: "/usr/lib/softhsm/libsofthsm2.so" }];

    expect(requireModule("softhsm", modules)).toBe(modules[0]);
    for (const [name, known] of [
      ["/tmp/evil.so", modules],
      ["softhsm", []],
    ] as const) {
      expect(() => requireModule(name, known)).toThrow(expect.objectContaining({ code: "NOT_AVAILABLE" }));
    }
  });
});
