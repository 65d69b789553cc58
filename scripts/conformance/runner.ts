/** Replays test cases against a KMIP server. */
import { itemFromElement, tagOfElement } from "@/lib/kmip/encoding/xml";
import type { XmlElement } from "@/lib/kmip/encoding/xml-reader";
import { TAGS, Tag } from "@/lib/kmip/protocol/tags";
import { type Item, ItemType } from "@/lib/kmip/ttlv/item";
import type { TestCase } from "./cases";
import { type Context, compareResponse, type Difference, failureIn } from "./compare";
import { GENERATING_OPERATIONS, TEST_OPERATIONS } from "./rules";
import { toSecondMajor } from "./second-major";
import { Variables } from "./variables";
import { elementsNamed, inVersion } from "./versions";

/** How messages travel: TTLV over TLS, or over HTTPS in one of three encodings. */
export type Wire = "tls" | "https-ttlv" | "https-xml" | "https-json";

/** A server, as cases see it. */
export type Target = {
  /** Sends a request message and answers the response message. @throws Error if there is none */
  exchange(request: Item, wire: Wire): Promise<Item>;
  /** Ends the connections of a case. */
  endCase(): void;
};

export type CaseResult = {
  readonly name: string;
  /** Null for a case that passed. */
  readonly failure: {
    /** Which request of the case, from 1. */
    readonly step: number;
    readonly difference: Difference;
    /** What the server gave as its reason, if it refused. */
    readonly reason: string | null;
  } | null;
};

export type RunOptions = {
  /** Replays the cases in another version: "1.2"; those of 1.x in "2.1" as 2.x has them. */
  readonly version?: string;
};

/** Families that are about an encoding travel in it. */
const WIRES: ReadonlyMap<string, Wire> = new Map([
  ["MSGENC-HTTPS-M", "https-ttlv"],
  ["MSGENC-XML-M", "https-xml"],
  ["MSGENC-JSON-M", "https-json"],
]);

const wireOf = (family: string): Wire => WIRES.get(family) ?? "tls";

/** Elements with a tag, at any depth. */
function* elementsIn(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) {
    yield* elementsIn(child);
  }
}

/** True if a case is written in 2.x. */
const isOfSecondMajor = ({ exchanges }: TestCase): boolean =>
  exchanges.some(({ request }) =>
    [...elementsIn(request)].some(
      ({ name, attributes }) => name === "ProtocolVersionMajor" && attributes.get("value") === "2",
    ),
  );

/** What a case is compared by, and its run adds to. */
type CaseContext = Context & { readonly sentBytes: Set<string>; readonly sentDates: Set<string> };

/** What the cases of one family have in common. */
export class Family {
  readonly #sentKeys = new Set<string>();

  /** Runs one case, up to the first difference. */
  async run(testCase: TestCase, target: Target, options: RunOptions = {}): Promise<CaseResult> {
    const { name, family, exchanges } = testCase;
    const operations = exchanges.flatMap(({ request }) =>
      [...elementsNamed(request, "Operation")].map((element) => element.attributes.get("value")),
    );
    const context: CaseContext = {
      family,
      variables: new Variables(),
      sentKeys: this.#sentKeys,
      sentBytes: new Set(),
      sentDates: new Set(),
      datesAreOld: testCase.datesAreOld,
      generatesKeys: operations.some((operation) => GENERATING_OPERATIONS.has(operation ?? "")),
      chosen: new Map(),
      secondMajor: options.version?.startsWith("2.") === true && !isOfSecondMajor(testCase),
    };
    try {
      for (const [index, exchange] of exchanges.entries()) {
        const failure = await this.#exchange(exchange, target, context, options);
        if (failure !== null) {
          return { name, failure: { step: index + 1, ...failure } };
        }
      }
      return { name, failure: null };
    } finally {
      target.endCase();
    }
  }

  async #exchange(
    exchange: { readonly request: XmlElement; readonly response: XmlElement },
    target: Target,
    context: CaseContext,
    { version }: RunOptions,
  ): Promise<{ difference: Difference; reason: string | null } | null> {
    let response: Item | null = null;
    const as = (message: XmlElement): XmlElement => {
      const formed = context.secondMajor ? toSecondMajor(message) : message;
      return version === undefined ? formed : inVersion(formed, version);
    };
    try {
      this.#remember(exchange.request, context);
      const filled = context.variables.fill(as(exchange.request));
      const request = itemFromElement(replaceChosen(filled, context.chosen));
      response = await target.exchange(request, wireOf(context.family));
      noteAnswers(response, context.variables);
      if (isRefusedTest(exchange.request, response)) {
        return null;
      }
      const difference = compareResponse(as(exchange.response), response, request, context);
      return difference === null ? null : { difference, reason: failureIn(response) };
    } catch (error) {
      const got = error instanceof Error ? error.message : String(error);
      const difference = { path: "RequestMessage", expected: "a response that can be compared", got };
      return { difference, reason: response === null ? null : failureIn(response) };
    }
  }

  /** Notes the bytes and the dates that a request carries. */
  #remember(request: XmlElement, { sentBytes, sentDates }: CaseContext): void {
    for (const element of elementsIn(request)) {
      const value = element.attributes.get("value");
      if (value !== undefined && element.attributes.get("type") === "DateTime") {
        sentDates.add(value);
      }
      if (value === undefined || element.attributes.get("type") !== "ByteString") {
        continue;
      }
      sentBytes.add(value.toLowerCase());
      if (tagOfElement(element) === Tag.KeyMaterial) {
        this.#sentKeys.add(value.toLowerCase());
      }
    }
  }
}

/** True for a request of the test run itself, which the server does not know. */
function isRefusedTest(request: XmlElement, response: Item): boolean {
  const operations = [...elementsNamed(request, "Operation")];
  if (!operations.every(({ attributes }) => TEST_OPERATIONS.has(attributes.get("value") ?? ""))) {
    return false;
  }
  return failureIn(response)?.startsWith("OperationNotSupported") === true;
}

/** Notes the bytes of a response under their names: some cases use "$MAC_DATA" for the MAC Data answered last. */
function noteAnswers(item: Item, variables: Variables): void {
  if (item.type === ItemType.Structure) {
    for (const child of item.value) {
      noteAnswers(child, variables);
    }
  } else if (item.type === ItemType.ByteString) {
    const { buffer, byteOffset, byteLength } = item.value;
    variables.noteAnswer(
      TAGS.nameOf(item.tag) ?? "",
      Buffer.from(buffer, byteOffset, byteLength).toString("hex"),
    );
  }
}

/** Puts what the server really answered in the place of what the case's author once got. */
function replaceChosen(element: XmlElement, chosen: ReadonlyMap<string, string>): XmlElement {
  const { name, attributes, children } = element;
  const value = attributes.get("value");
  const actual =
    attributes.get("type") === "ByteString" ? chosen.get((value ?? "").toLowerCase()) : undefined;
  return {
    name,
    attributes: actual === undefined ? attributes : new Map(attributes).set("value", actual),
    children: children.map((child) => replaceChosen(child, chosen)),
  };
}
