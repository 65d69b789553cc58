import { describe, expect, test } from "vitest";
import { propose } from "./chosen";

const certificate = (subject: string, isCertificateAuthority = false, severity?: "error" | "warning") => ({
  subject,
  isCertificateAuthority,
  findings: severity ? [{ severity, code: "X", message: "" }] : [],
});

describe("propose", () => {
  test("takes the client's certificate of a bundle, wherever it stands, and leaves its issuers out", () => {
    const proposed = propose([
      certificate("CN=root", true),
      certificate("CN=vcenter-1"),
      certificate("CN=other"),
    ]);
    expect(proposed.map(({ name, included }) => [name, included])).toEqual([
      ["root", false],
      ["vcenter-1", true],
      ["other", false],
    ]);
  });

  test("takes a single certificate even when it is an authority (vCenter's own often is)", () => {
    expect(propose([certificate("CN=vmca", true, "warning")])[0]?.included).toBe(true);
  });

  test("never takes one with an error", () => {
    expect(propose([certificate("CN=old", false, "error")])[0]?.included).toBe(false);
  });

  test("without a common name the person has to give one", () => {
    expect(propose([certificate("O=Acme")])[0]?.name).toBe("");
  });
});
