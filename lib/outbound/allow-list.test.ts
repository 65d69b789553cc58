import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EnvError, parseEnv } from "@/lib/env";
import { type AllowList, mayBeConnectedTo, mayConnect, parseAllowList } from "./allow-list";

const port = 8443;
const NOTHING: AllowList = [];
const list = (text: string): AllowList => parseAllowList(text) ?? expect.fail(`${text} is no list`);
const may = (address: string, allow = NOTHING) => mayConnect({ host: address, port }, address, allow);

/** Bytes of IPv4 addresses of this machine, its link, and "any". */
const local = fc.oneof(
  fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
  fc.tuple(fc.constant(0), fc.nat(255), fc.nat(255), fc.nat(255)),
);
type Bytes = [number, number, number, number];

const numberOf = ([a, b, c, d]: Bytes) => a * 2 ** 24 + b * 2 ** 16 + c * 256 + d;
const hex = (value: number) => value.toString(16);
const groups = ([a, b, c, d]: Bytes) => `${hex(a * 256 + b)}:${hex(c * 256 + d)}`;

/** How an IPv4 address can stand in a URL (WHATWG URL, "IPv4 parser"). */
const IPV4_SPELLINGS: readonly ((bytes: Bytes) => string)[] = [
  (bytes) => bytes.join("."),
  (bytes) => `${bytes.join(".")}.`,
  (bytes) => String(numberOf(bytes)),
  (bytes) => `0x${hex(numberOf(bytes))}`,
  (bytes) => `0${numberOf(bytes).toString(8)}`,
  (bytes) => bytes.map((byte) => `0x${hex(byte)}`).join("."),
  (bytes) => bytes.map((byte) => `0${byte.toString(8)}`).join("."),
  ([a, ...rest]) => `${a}.${numberOf([0, ...rest])}`,
  ([a, b, c, d]) => `${a}.${b}.${c * 256 + d}`,
  (bytes) => [...bytes.join(".")].map((sign) => `%${hex(sign.charCodeAt(0))}`).join(""),
];

/** IPv6 addresses that end, or can end, at an IPv4 address. */
const IPV6_SPELLINGS: readonly ((bytes: Bytes) => string)[] = [
  (bytes) => `::ffff:${bytes.join(".")}`,
  (bytes) => `::ffff:${groups(bytes)}`,
  (bytes) => `0:0:0:0:0:FFFF:${groups(bytes)}`,
  (bytes) => `::${bytes.join(".")}`,
  (bytes) => `::ffff:0:${groups(bytes)}`,
  (bytes) => `64:ff9b::${bytes.join(".")}`,
  (bytes) => `2002:${groups(bytes)}::1`,
  (bytes) => `2001::${groups(bytes.map((byte) => byte ^ 0xff) as Bytes)}`,
];

describe("addresses of this machine and of its link", () => {
  it("are refused in every spelling that a URL takes", () => {
    fc.assert(
      fc.property(local, fc.constantFrom(...IPV4_SPELLINGS), (bytes, spell) => {
        expect(mayBeConnectedTo(`http://${spell(bytes)}:${port}/`, NOTHING)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it("are refused inside of IPv6 addresses", () => {
    fc.assert(
      fc.property(local, fc.constantFrom(...IPV6_SPELLINGS), (bytes, spell) => {
        expect(may(spell(bytes))).toBe(false);
        expect(mayBeConnectedTo(`https://[${spell(bytes)}]/`, NOTHING)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "fe80::1",
    "fe80::1%eth0",
    "febf:ffff::1",
    "169.254.169.254",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "no address",
    "",
  ])("%s is refused", (address) => {
    expect(may(address)).toBe(false);
  });

  it.each([
    "http://localhost",
    "http://LOCALHOST.:80",
    "https://kms.localhost:8443",
    "http://0",
    "http://0x0",
  ])("%s is refused", (url) => {
    expect(mayBeConnectedTo(url, NOTHING)).toBe(false);
  });
});

describe("other addresses", () => {
  it.each(["10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "166.8.1.1", "fd12:3456::1", "fec0::1"])(
    "the private %s is allowed",
    (address) => {
      expect(may(address)).toBe(true);
    },
  );

  it("are allowed, public ones too, also as IPv6 carries them", () => {
    const elsewhere = fc
      .tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.nat(255), fc.nat(255))
      .filter(([a, b]) => a !== 127 && !(a === 169 && b === 254) && ![100, 168, 192].includes(a));
    fc.assert(
      fc.property(elsewhere, fc.constantFrom(...IPV4_SPELLINGS), (bytes, spell) => {
        expect(mayBeConnectedTo(`http://${spell(bytes)}:${port}/`, NOTHING)).toBe(true);
        expect(may(`::ffff:${bytes.join(".")}`)).toBe(true);
      }),
    );
  });

  it("names pass: what they resolve to is judged", () => {
    expect(mayBeConnectedTo("https://kms.example.com", NOTHING)).toBe(true);
    expect(mayConnect({ host: "kms.example.com", port }, "127.0.0.1", NOTHING)).toBe(false);
  });
});

describe("OUTBOUND_ALLOW", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.1", "127.0.0.2", false],
    ["127.0.0.1", "::ffff:127.0.0.1", true],
    ["127.0.0.1:8443", "127.0.0.1", true],
    ["127.0.0.1:8444", "127.0.0.1", false],
    ["127.0.0.0/8", "127.9.8.7", true],
    ["127.0.0.0/9", "127.128.0.1", false],
    ["169.254.0.0/16, ::1", "::1", true],
    ["169.254.0.0/16, ::1", "169.254.169.254", true],
    ["[::1]:8443", "::1", true],
    ["[::1]:1", "::1", false],
    ["[::1]", "::1", true],
    ["fe80::/10", "fe80::1", true],
    [" , ", "::1", false],
  ])("%s lets connect to %s: %s", (text, address, expected) => {
    expect(may(address, list(text))).toBe(expected);
  });

  it("names a name, with whatever it resolves to", () => {
    const allow = list("Proxy.example.com:8443, localhost");
    const resolved = (host: string, to = port) => mayConnect({ host, port: to }, "127.0.0.1", allow);

    expect(resolved("proxy.example.com")).toBe(true);
    expect(resolved("PROXY.example.com.")).toBe(true);
    expect(resolved("proxy.example.com", 8444)).toBe(false);
    expect(resolved("other.example.com")).toBe(false);
    expect(mayBeConnectedTo("http://localhost:1", allow)).toBe(true);
    // The name is allowed, not the address.
    expect(mayBeConnectedTo("http://127.0.0.1:1", allow)).toBe(false);
  });

  it.each([
    "127.1",
    "2130706433",
    "0x7f.1",
    "127.0.0.1/33",
    "::1/129",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "[127.0.0.1]:80",
    "[::1",
    "::1]:80",
    "[proxy.example.com]:80",
    "http://proxy.example.com",
    "proxy example.com",
    "-proxy.example.com",
    "*",
    "127.0.0.1, *.example.com",
  ])("%s is refused at the start", (text) => {
    expect(parseAllowList(text)).toBeNull();
    expect(() => parseEnv({ OUTBOUND_ALLOW: text })).toThrow(EnvError);
    expect(() => parseEnv({ OUTBOUND_ALLOW: text })).toThrow(/OUTBOUND_ALLOW is a list such as/);
  });

  it("needs not name the deployment's own cloud, which is the sandbox where nothing else is said", () => {
    const sandbox = parseEnv({ SANDBOX_PORT: "3999" }).outboundAllow;

    expect(mayBeConnectedTo("http://127.0.0.1:3999/key-protect/us-south", sandbox)).toBe(true);
    expect(mayBeConnectedTo("http://localhost:3999", sandbox)).toBe(true);
    expect(mayBeConnectedTo("http://127.0.0.1:3998", sandbox)).toBe(false);
    expect(mayBeConnectedTo("http://127.0.0.2:3999", sandbox)).toBe(false);

    const real = parseEnv({ SANDBOX_PORT: "off", OUTBOUND_ALLOW: "127.0.0.1:8443" }).outboundAllow;
    expect(mayBeConnectedTo("http://127.0.0.1:3080", real)).toBe(false);
    expect(mayBeConnectedTo("https://127.0.0.1:8443", real)).toBe(true);

    const named = parseEnv({
      IBM_CLOUD_IAM_URL: "https://iam.localhost:4443",
      IBM_CLOUD_RESOURCE_CONTROLLER_URL: "http://[::1]",
    }).outboundAllow;
    expect(mayConnect({ host: "iam.localhost", port: 4443 }, "127.0.0.1", named)).toBe(true);
    expect(may("::1", named)).toBe(false);
    expect(mayConnect({ host: "::1", port: 80 }, "::1", named)).toBe(true);
    expect(mayBeConnectedTo("http://127.0.0.1:3080", named)).toBe(false);
  });
});
