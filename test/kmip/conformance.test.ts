import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { itemFromElement } from "@/lib/kmip/encoding/xml";
import { readXml } from "@/lib/kmip/encoding/xml-reader";
import { parseCase, readCases } from "@/scripts/conformance/cases";
import { type CaseResult, Family, type RunOptions } from "@/scripts/conformance/runner";
import { type LocalServer, startLocalServer } from "@/scripts/conformance/targets";
import { inVersion, isCaseOf } from "@/scripts/conformance/versions";

const CASES = join(import.meta.dirname, "cases");

let local: LocalServer | null = null;

afterEach(async () => {
  await local?.close();
  local = null;
});

async function run(name: string, text: string, options: RunOptions = {}): Promise<CaseResult> {
  local ??= await startLocalServer();
  return new Family().run(parseCase(name, text), local.target, options);
}

const textOf = (name: string): string => readFileSync(join(CASES, `${name}.xml`), "utf8");

/** A case with one place in it changed. */
function changed(name: string, from: string, to: string): string {
  const text = textOf(name);
  const at = text.lastIndexOf(from);
  if (at < 0) {
    throw new Error(`${name} has no ${from}`);
  }
  return text.slice(0, at) + to + text.slice(at + from.length);
}

describe("our cases", () => {
  it.each(readCases(CASES).map(({ name }) => name))("%s passes", async (name) => {
    expect(await run(name, textOf(name))).toEqual({ name, failure: null });
  });

  it.each(["1.0", "1.1", "1.2", "1.3"])("pass in %s too, without what it does not have", async (version) => {
    for (const name of ["KC-LIFE-1-14", "KC-BATCH-1-14", "MSGENC-XML-M-1-14"]) {
      const text = textOf(name);
      if (!isCaseOf(parseCase(name, text), version)) {
        continue;
      }
      expect(await run(name, text, { version })).toEqual({ name, failure: null });
    }
  });
});

describe("Interop (2.1: 6.1.26)", () => {
  const begin = (reason: string) => `<KMIP>
    <RequestMessage><RequestHeader>${VERSION}<BatchCount type="Integer" value="1"/></RequestHeader>
      <BatchItem><Operation type="Enumeration" value="Interop"/><RequestPayload>
        <InteropFunction type="Enumeration" value="Begin"/>
        <InteropIdentifier type="TextString" value="KC"/>
      </RequestPayload></BatchItem></RequestMessage>
    <ResponseMessage><ResponseHeader>${VERSION}<TimeStamp type="DateTime" value="$NOW"/>
      <BatchCount type="Integer" value="1"/></ResponseHeader>
      <BatchItem><Operation type="Enumeration" value="Interop"/>${reason}</BatchItem></ResponseMessage>
  </KMIP>`;
  const VERSION = `<ProtocolVersion><ProtocolVersionMajor type="Integer" value="2"/>
    <ProtocolVersionMinor type="Integer" value="1"/></ProtocolVersion>`;
  const succeeds = '<ResultStatus type="Enumeration" value="Success"/><ResponsePayload/>';

  it("may be refused by a server that does not have it, other operations may not", async () => {
    const text = begin(succeeds);
    expect((await run("KC-1-21", text)).failure).toBeNull();
    const other = text.replaceAll('value="Interop"', 'value="SetEndpointRole"');
    expect((await run("KC-1-21", other)).failure?.difference.path).toContain("ResultStatus");
  });

  it("may not be missing by another reason", async () => {
    const { failure } = await run("KC-1-21", begin(succeeds).replace('value="Begin"', 'value="Nothing"'));
    expect(failure).not.toBeNull();
  });
});

describe("cases of 1.x in the form of 2.x", () => {
  it.each(["KC-LIFE-1-14", "KC-BATCH-1-14", "KC-UNDO-1-14", "KC-PARTS-1-14", "KC-IMPORT-1-14"])(
    "%s passes",
    async (name) => {
      for (const version of ["2.0", "2.1"]) {
        expect((await run(name, textOf(name), { version })).failure).toBeNull();
      }
    },
  );

  it("fail for another reason than the one that 2.x has for that of 1.x", async () => {
    const other = changed("KC-LIFE-1-14", '"PermissionDenied"', '"CryptographicFailure"');
    const { failure } = await run("KC-LIFE-1-14", other, { version: "2.1" });
    expect(failure?.difference).toMatchObject({
      path: "ResponseMessage/BatchItem[0]/ResultReason",
      expected: "CryptographicFailure",
      got: "WrongKeyLifecycleState",
    });
  });

  it("fail for an attribute that is another", async () => {
    const other = changed("KC-LIFE-1-14", 'value="Destroyed"', 'value="Active"');
    const { failure } = await run("KC-LIFE-1-14", other, { version: "2.1" });
    expect(failure?.difference.path).toContain("Attributes/State");
  });
});

describe("what is not as expected in 2.x is noticed", () => {
  it.each([
    ["a value", "KC-LIFE-1-21", 'value="Destroyed"', 'value="Active"', "Attributes/State"],
    ["a reason", "KC-ATTR-1-21", '"InvalidAttribute"', '"InvalidField"', "ResultReason"],
    [
      "an attribute that nobody asked for",
      "KC-ATTR-1-21",
      '<ObjectGroup type="TextString" value="third"/>\n      </Attributes>',
      "</Attributes>",
      "Attributes/ObjectGroup",
    ],
    [
      "a vendor",
      "KC-ATTR-1-20",
      '<VendorIdentification type="TextString" value="Acme"/>\n          <AttributeName type="TextString" value="Tier"/>\n          <AttributeValue',
      '<VendorIdentification type="TextString" value="Other"/>\n          <AttributeName type="TextString" value="Tier"/>\n          <AttributeValue',
      "Attribute",
    ],
    ["data", "KC-DATA-1-21", "3ad77bb40d7a3660a89ecaf32466ef97", "00".repeat(16), "ResponsePayload/Data"],
  ])("%s", async (_, name, from, to, path) => {
    const { failure } = await run(name, changed(name, from, to));
    expect(failure?.difference.path).toContain(path);
  });
});

describe("what is not as expected is noticed", () => {
  it.each([
    ["a value", 'value="Destroyed"', 'value="Active"', "Attribute[State]/AttributeValue", "Destroyed"],
    ["a status", '"OperationFailed"', '"Success"', "BatchItem[0]/ResultStatus", "OperationFailed"],
    ["a reason", '"PermissionDenied"', '"ItemNotFound"', "BatchItem[0]/ResultReason", "PermissionDenied"],
    [
      "a type",
      'AttributeValue type="Integer" value="Decrypt Encrypt"',
      'AttributeValue type="LongInteger" value="12"',
      "Attribute[Cryptographic Usage Mask]/AttributeValue",
      "Encrypt Decrypt",
    ],
    [
      "a bit of a mask",
      '"Decrypt Encrypt"',
      '"Decrypt"',
      "Attribute[Cryptographic Usage Mask]/AttributeValue",
      "Encrypt Decrypt",
    ],
    [
      "a date",
      'type="DateTime" value="$NOW"/>\n      </Attribute>\n    </ResponsePayload>',
      'type="DateTime" value="$NOW-3600"/>\n      </Attribute>\n    </ResponsePayload>',
      "Attribute[Destroy Date]/AttributeValue",
      "20",
    ],
    ["the length of a key", "00".repeat(32), "00".repeat(16), "KeyValue/KeyMaterial", "32 bytes"],
    [
      "an attribute that is missing",
      'value="Destroy Date"/>\n        <',
      'value="Archive Date"/>\n        <',
      "Attribute[Archive Date]",
      "nothing",
    ],
  ])("%s", async (_, from, to, path, got) => {
    const { failure } = await run("KC-LIFE-1-14", changed("KC-LIFE-1-14", from, to));
    expect(failure?.difference.path).toContain(path);
    expect(failure?.difference.got).toContain(got);
  });

  it("another object than the one before", async () => {
    const other = changed(
      "KC-BATCH-1-14",
      '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>',
      '<UniqueIdentifier type="TextString" value="another"/>',
    );
    const { failure } = await run("KC-BATCH-1-14", other);
    expect(failure).toMatchObject({ step: 2, difference: { expected: "TextString another" } });
  });

  it("an object that Locate should not have found", async () => {
    const none = changed(
      "KC-BATCH-1-14",
      '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>\n    </ResponsePayload>',
      "</ResponsePayload>",
    );
    const { failure } = await run("KC-BATCH-1-14", none);
    expect(failure).toMatchObject({ step: 2, difference: { expected: "nothing" } });
    expect(failure?.difference.path).toContain("ResponsePayload/UniqueIdentifier");
  });

  it("an operation that Query does not list", async () => {
    const text = textOf("MSGENC-XML-M-1-14").replace('"Create"', '"CreateSplitKey"');
    const { failure } = await run("QUERY-1-14", text);
    expect(failure?.difference).toMatchObject({ expected: "Enumeration CreateSplitKey" });
    expect(failure?.difference.got).toContain("Locate");
  });

  it("a variable that has no value", async () => {
    const { failure } = await run(
      "KC-BATCH-1-14",
      changed("KC-BATCH-1-14", 'value="none"', 'value="$UNIQUE_IDENTIFIER_7"'),
    );
    expect(failure?.difference.got).toContain("$UNIQUE_IDENTIFIER_7 has no value");
  });

  it("reports carry no key", async () => {
    const result = await run(
      "KC-LIFE-1-14",
      changed("KC-LIFE-1-14", `value="${"00".repeat(32)}"`, `value="${"00".repeat(8)}"`),
    );
    expect(JSON.stringify(result)).not.toMatch(/[0-9a-f]{32}/);
  });
});

describe("cases in an older version", () => {
  const message = (...children: string[]) => {
    const version = '<ProtocolVersion><ProtocolVersionMinor value="4"/></ProtocolVersion>';
    return readXml(`<A>${version}${children.join("")}</A>`);
  };
  const attribute = (name: string, value: string) =>
    `<Attribute><AttributeName value="${name}"/>${value}</Attribute>`;

  it.each([
    ["attributes", attribute("Comment", '<AttributeValue value="a"/>')],
    ["names of attributes", '<AttributeName value="Comment"/>'],
    ["fields", '<ClientCorrelationValue value="a"/>'],
    ["operations that Query answers", '<ResponsePayload><Operation value="Import"/></ResponsePayload>'],
    [
      "fields of attributes",
      attribute("Cryptographic Parameters", '<AttributeValue><SaltLength value="1"/></AttributeValue>'),
    ],
  ])("have no %s that are younger", (_, xml) => {
    const older = JSON.stringify(inVersion(message(xml), "1.3"), (_key, value) =>
      value instanceof Map ? [...value] : value,
    );
    for (const young of ["Comment", "ClientCorrelationValue", "Import", "SaltLength"]) {
      expect(older).not.toContain(young);
    }
    expect(older).toContain('["value","3"]');
    expect(inVersion(message(xml), "1.4")).toEqual(message(xml));
  });

  it("are none if they ask for operations that it does not have", () => {
    const testCase = parseCase(
      "A-1",
      '<KMIP><RequestMessage><Operation value="Encrypt"/></RequestMessage><ResponseMessage/></KMIP>',
    );
    expect([isCaseOf(testCase, "1.1"), isCaseOf(testCase, "1.2")]).toEqual([false, true]);
    expect(() => isCaseOf(testCase, "3.0")).toThrow("3.0 is no version");
  });
});

describe("cases that were taken out of a text", () => {
  /** A case of ours as such a file has it: line ends within values, and the dates of another day. */
  const fromText = (name: string) =>
    textOf(name)
      .replace("<KMIP>", "<KmipTestCase>")
      .replace("</KMIP>", "</KmipTestCase>")
      .replaceAll("Cryptographic Usage Mask", "Cryptographic   Usage Mask")
      .replaceAll("Decrypt Encrypt", "Decrypt   Encrypt")
      .replaceAll("00".repeat(32), `${"00".repeat(16)}   ${"00".repeat(16)}`)
      .replaceAll('value="$NOW"', 'value="2012-04-27T08:12:24+00:00"');

  it("are read, and pass", async () => {
    const text = fromText("KC-LIFE-1-14");
    expect(text).toContain("2012-");
    expect(await run("KC-LIFE-1-10", text)).toEqual({ name: "KC-LIFE-1-10", failure: null });
    expect((await run("KC-LIFE-1-10", text, { version: "1.0" })).failure).toBeNull();
  });

  it("fail for what is no date", async () => {
    const state = fromText("KC-LIFE-1-14").replace('value="Destroyed"', 'value="Active"');
    expect((await run("KC-LIFE-1-10", state)).failure?.difference.path).toContain("State");
  });

  it("fail for a date that the case itself has sent, if another comes back", async () => {
    const date = (value: string) =>
      `<Attribute><AttributeName type="TextString" value="Deactivation Date"/>
       <AttributeValue type="DateTime" value="${value}"/></Attribute>`;
    const header = `<ProtocolVersion><ProtocolVersionMajor type="Integer" value="1"/>
      <ProtocolVersionMinor type="Integer" value="0"/></ProtocolVersion>`;
    const request = (operation: string, payload: string) => `<RequestMessage><RequestHeader>${header}
      <BatchCount type="Integer" value="1"/></RequestHeader><BatchItem>
      <Operation type="Enumeration" value="${operation}"/>
      <RequestPayload>${payload}</RequestPayload></BatchItem></RequestMessage>`;
    const response = (operation: string, payload: string) => `<ResponseMessage><ResponseHeader>${header}
      <TimeStamp type="DateTime" value="2012-04-27T08:12:24+00:00"/><BatchCount type="Integer" value="1"/>
      </ResponseHeader><BatchItem><Operation type="Enumeration" value="${operation}"/>
      <ResultStatus type="Enumeration" value="Success"/>
      <ResponsePayload>${payload}</ResponsePayload></BatchItem></ResponseMessage>`;
    const identifier = '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>';
    const key = '<ObjectType type="Enumeration" value="SymmetricKey"/>';
    const wanted = `<TemplateAttribute>
      <Attribute><AttributeName type="TextString" value="Cryptographic Algorithm"/>
        <AttributeValue type="Enumeration" value="SKIPJACK"/></Attribute>
      <Attribute><AttributeName type="TextString" value="Cryptographic Length"/>
        <AttributeValue type="Integer" value="80"/></Attribute>
      <Attribute><AttributeName type="TextString" value="Cryptographic Usage Mask"/>
        <AttributeValue type="Integer" value="Encrypt"/></Attribute>
      ${date("2040-01-01T00:00:00+00:00")}</TemplateAttribute>`;
    // Named by a request, though not of this attribute.
    const named = `<Attribute><AttributeName type="TextString" value="x-Date"/>
      <AttributeValue type="DateTime" value="2041-01-01T00:00:00+00:00"/></Attribute></TemplateAttribute>`;
    const asked = '<AttributeName type="TextString" value="Deactivation   Date"/>';
    const text = (answered: string, more = "</TemplateAttribute>") =>
      `<KmipTestCase>${request("Create", key + wanted.replace("</TemplateAttribute>", more))}${response("Create", key + identifier)}
       ${request("GetAttributes", identifier + asked)}
       ${response("GetAttributes", identifier + date(answered))}</KmipTestCase>`;
    expect((await run("A-1-10", text("2040-01-01T00:00:00+00:00"))).failure).toBeNull();
    const { failure } = await run("A-1-10", text("2041-01-01T00:00:00+00:00", named));
    expect(failure?.difference.path).toContain("Deactivation Date");
  });
});

describe("cases of PKCS#11", () => {
  it("are read, and fail for what the server says", async () => {
    const version = `<ProtocolVersion><ProtocolVersionMajor type="Integer" value="2"/>
      <ProtocolVersionMinor type="Integer" value="1"/></ProtocolVersion>`;
    const text = `<KMIP><RequestMessage><RequestHeader>${version}<BatchCount type="Integer" value="1"/>
      </RequestHeader><BatchItem><Operation type="Enumeration" value="PKCS_11"/><RequestPayload>
        <PKCS_11Function type="Enumeration" value="C_Initialize"/>
        <PKCS_11InputParameters type="ByteString" value="01"/>
      </RequestPayload></BatchItem></RequestMessage>
      <ResponseMessage><ResponseHeader>${version}<TimeStamp type="DateTime" value="$NOW"/>
        <BatchCount type="Integer" value="1"/></ResponseHeader><BatchItem>
        <Operation type="Enumeration" value="PKCS_11"/><ResultStatus type="Enumeration" value="Success"/>
        <ResponsePayload><PKCS_11Function type="Enumeration" value="C_Initialize"/>
        <PKCS_11ReturnCode type="Enumeration" value="OK"/></ResponsePayload></BatchItem></ResponseMessage></KMIP>`;
    const { failure } = await run("PKCS11-M-1-21", text);
    expect(failure?.reason).toContain("OperationNotSupported");
    const item = itemFromElement(readXml('<PKCS_11Function type="Enumeration" value="C_WaitForSlotEvent"/>'));
    expect(item.value).toBe(68);
  });
});

describe("files that are no cases", () => {
  it.each([
    ["another document", "<A/>", /not KMIP/],
    ["a request without response", "<KMIP><RequestMessage/></KMIP>", /no response/],
    ["two requests in a row", "<KMIP><RequestMessage/><RequestMessage/></KMIP>", /take turns/],
    ["no XML", "a", /XML/],
  ])("%s", (_, text, message) => {
    expect(() => parseCase("A-1", text)).toThrow(message);
  });
});
