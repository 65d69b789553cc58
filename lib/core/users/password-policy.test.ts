import { describe, expect, it } from "vitest";
import { passwordWeakness } from "./password-policy";

const person = { email: "maria.keller@example.com", name: "Maria Keller" };

describe("a password that somebody chooses", () => {
  it.each([
    ["short", "PASSWORD_TOO_SHORT"],
    ["elevenchars", "PASSWORD_TOO_SHORT"],
    ["🔑🔑🔑🔑🔑🔑", "PASSWORD_TOO_SHORT"],
    [`${"long and winding ".repeat(20)}`, "PASSWORD_TOO_LONG"],
    ["aaaaaaaaaaaa", "PASSWORD_REPEATED"],
    ["abababababab", "PASSWORD_REPEATED"],
    ["xyzrqxyzrqxyzrq", "PASSWORD_REPEATED"],
    ["111111222222", "PASSWORD_REPEATED"],
    ["123456789012", "PASSWORD_SEQUENCE"],
    ["abcdefghijklm", "PASSWORD_SEQUENCE"],
    ["qwertyuiopas", "PASSWORD_SEQUENCE"],
    ["zyxwvutsrqpo", "PASSWORD_SEQUENCE"],
    ["1qaz2wsx3edc", "PASSWORD_SEQUENCE"],
    ["Password1234", "PASSWORD_COMMON"],
    ["P@ssw0rd2026!", "PASSWORD_COMMON"],
    ["administrator", "PASSWORD_COMMON"],
    ["Welcome12345", "PASSWORD_COMMON"],
    ["ChangeMe2026!", "PASSWORD_COMMON"],
    ["admin-password", "PASSWORD_COMMON"],
    ["VMware1!VMware1!", "PASSWORD_COMMON"],
    ["summer-2026-!", "PASSWORD_COMMON"],
    ["maria.keller@example.com", "PASSWORD_PERSONAL"],
    ["maria.keller26", "PASSWORD_PERSONAL"],
    ["MariaKeller2026", "PASSWORD_PERSONAL"],
  ])("%s is refused: %s", (password, code) => {
    expect(passwordWeakness(password, person)).toBe(code);
  });

  it.each([
    "correct horse battery staple",
    "a long enough one",
    "chosen by the other account",
    "q7#Lm2v!Zt9k",
    "abcde-fghjk-mnpqr-stuvw",
    "maria wears seven green coats",
    "密码不能太短也不能太常见的好",
  ])("%s is taken", (password) => {
    expect(passwordWeakness(password, person)).toBeNull();
  });
});
