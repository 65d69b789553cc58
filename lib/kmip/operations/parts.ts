/**
 * Cryptographic operations, whole or in parts (KMIP 4, 2.1.15 to 2.1.17).
 *
 * Each part is judged anew: whether the key may still be used, whether the key manager still gives it. A part that
 * fails ends the operation.
 */
import { sameValue } from "../attributes/values";
import type { ManagedObject, StoredValue } from "../ports";
import {
  badParameters,
  featureNotSupported,
  invalidCorrelationValue,
  invalidField,
  invalidMessage,
  unsupportedParameters,
} from "../protocol/errors";
import { asBoolean, asBytes, optional } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes, type Item } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import type { OperationContext } from "./context";
import { type CryptoStream, joined, NOTHING, type Piece } from "./cryptography/crypto-stream";
import type { Outstanding } from "./cryptography/outstanding";
import { type KeyUse, withKey } from "./objects/key-use";
import { findObject, identifierOf } from "./objects/lookup";
import type { OperationResult } from "./operation";

/** Fields of operations that can be done in parts. */
export const PARTS = {
  data: optional(Tag.Data, asBytes),
  correlationValue: optional(Tag.CorrelationValue, asBytes, KmipVersion.V1_3),
  initIndicator: optional(Tag.InitIndicator, asBoolean, KmipVersion.V1_3),
  finalIndicator: optional(Tag.FinalIndicator, asBoolean, KmipVersion.V1_3),
};

type PartFields = {
  readonly data: Uint8Array | undefined;
  readonly correlationValue: Uint8Array | undefined;
  readonly initIndicator: boolean | undefined;
  readonly finalIndicator: boolean | undefined;
  /** May be repeated by later parts, but not changed. */
  readonly parameters: StoredValue | undefined;
  readonly iv?: Uint8Array | undefined;
  /** Belong to the first part alone (Tables 229, 231). */
  readonly additional?: Uint8Array | undefined;
  readonly tag?: Uint8Array | undefined;
  /** Comes with any part. */
  readonly macData?: Uint8Array | undefined;
};

/** How an operation begins: of whole data, or of a first part. */
export type Beginning = {
  readonly parameters: StoredValue | undefined;
  readonly iv?: Uint8Array;
  /** False for what needs all of its data at once. */
  readonly parts: boolean;
  /** Fields that the answer tells besides what comes out. */
  readonly answer?: readonly Item[];
  whole(key: Uint8Array, data: Uint8Array): Piece;
  open(key: Uint8Array): CryptoStream;
};

/** What a request of an operation came to. */
export type Progress = {
  readonly piece: Piece;
  /** False if the operation goes on. */
  readonly ended: boolean;
  /** The part's output as the field of an answer: nothing may come out of a part. */
  output(tag: number): Item[];
  /** What the beginning has the answer tell. */
  readonly told: readonly Item[];
  /** The Correlation Value, as the field of an answer. */
  readonly correlation: readonly Item[];
  /** MAC Data that came with this part or an earlier one. */
  readonly macData: Uint8Array | null;
  /** What the engine has to know of it. */
  readonly result: Pick<OperationResult, "data" | "withheld">;
};

type Position = "whole" | "first" | "middle" | "last";

function positionOf({ correlationValue, initIndicator, finalIndicator }: PartFields): Position {
  const init = initIndicator === true;
  const final = finalIndicator === true;
  if (correlationValue !== undefined) {
    if (init) {
      throw invalidMessage("The first part of an operation has no Correlation Value");
    }
    return final ? "last" : "middle";
  }
  if (final && !init) {
    throw invalidMessage("Correlation Value is missing");
  }
  return init && !final ? "first" : "whole";
}

/** One request of an operation. */
class Part {
  readonly position: Position;
  readonly #context: OperationContext;
  readonly #fields: PartFields;
  readonly #operation: number;
  /** What this part goes on with. */
  readonly #before: Outstanding | null;

  /** @throws KmipError Invalid Message; Item Not Found; Feature Not Supported */
  constructor(context: OperationContext, operation: number, fields: PartFields) {
    this.#context = context;
    this.#operation = operation;
    this.#fields = fields;
    this.position = positionOf(fields);
    // What is outstanding is not in the store, and would not be undone with it.
    if (context.undoable && this.position !== "whole") {
      throw featureNotSupported("An operation in parts cannot be undone");
    }
    // "Data is always required … except when either Init Indicator or Final Indicator is true" (4).
    const { data, initIndicator, finalIndicator, correlationValue } = fields;
    if (data === undefined && initIndicator !== true && finalIndicator !== true) {
      throw invalidMessage("Data is missing");
    }
    if (this.position === "first") {
      context.outstanding.admit(context.tenant);
    }
    this.#before =
      correlationValue === undefined
        ? null
        : context.outstanding.take(context.tenant, correlationValue, operation);
  }

  get data(): Uint8Array {
    return this.#fields.data ?? NOTHING;
  }

  get continues(): boolean {
    return this.#before !== null;
  }

  /** The key of the parts before, unless the request names one. */
  identifierOf(given: string | undefined): string {
    const before = this.#before?.identifier ?? undefined;
    const identifier = identifierOf(this.#context, given ?? before);
    if (this.#before !== null && identifier !== before) {
      throw invalidCorrelationValue("The outstanding operation is one of another key");
    }
    return identifier;
  }

  /** What may not be: another beginning in a later part, and parts of what needs all of its data. @throws KmipError */
  refuse(beginning: Beginning | null): void {
    if (this.position === "first" && beginning?.parts === false) {
      throw unsupportedParameters("This Block Cipher Mode needs all of the data at once");
    }
    if (this.#before === null) {
      return;
    }
    const { parameters, iv, additional, tag } = this.#fields;
    const known = this.#before.parameters;
    if (parameters !== undefined && (known === undefined || !sameValue(parameters, known))) {
      throw badParameters("Cryptographic Parameters cannot change between the parts of an operation");
    }
    if (iv !== undefined && (this.#before.iv === null || Buffer.compare(iv, this.#before.iv) !== 0)) {
      throw invalidField("IV/Counter/Nonce cannot change between the parts of an operation");
    }
    if (additional !== undefined || tag !== undefined) {
      throw invalidMessage("What authenticates the data belongs to the first part of an operation");
    }
  }

  /** Carries the part out. @throws KmipError; then the operation has ended */
  run(key: Uint8Array, identifier: string | null, beginning: Beginning | null): Progress {
    if (this.position === "whole" && beginning !== null) {
      const piece = beginning.whole(key, this.data);
      return { ...this.#progress(piece, null, this.#fields.macData ?? null), told: beginning.answer ?? [] };
    }
    const going = this.#before ?? this.#begun(key, identifier, beginning);
    const macData = this.#fields.macData ?? going.macData;
    let out: Uint8Array = NOTHING;
    try {
      out = going.stream.update(this.data);
      if (this.position === "last") {
        const { data: end, tag } = going.stream.final(key);
        return this.#progress({ data: joined(out, end), tag }, null, macData);
      }
    } catch (error) {
      wipe(out);
      going.stream.drop();
      throw error;
    }
    const correlationValue = this.#keep({
      ...going,
      macData: macData === null ? null : Uint8Array.from(macData),
    });
    const progress = this.#progress({ data: out, tag: null }, correlationValue, macData);
    return { ...progress, told: beginning?.answer ?? [] };
  }

  #begun(key: Uint8Array, identifier: string | null, beginning: Beginning | null): Outstanding {
    if (beginning === null) {
      throw new Error("a first part begins");
    }
    const { parameters, iv } = beginning;
    return {
      operation: this.#operation,
      identifier,
      stream: beginning.open(key),
      parameters,
      iv: iv === undefined ? null : Uint8Array.from(iv),
      macData: null,
    };
  }

  #keep(outstanding: Outstanding): Uint8Array {
    const { correlationValue } = this.#fields;
    const { tenant, random, outstanding: operations } = this.#context;
    if (correlationValue === undefined) {
      return operations.begin(tenant, outstanding, random);
    }
    operations.keep(tenant, correlationValue, outstanding);
    return correlationValue;
  }

  #progress(piece: Piece, correlationValue: Uint8Array | null, macData: Uint8Array | null): Progress {
    const { position } = this;
    const silent = position !== "whole" && piece.data.length === 0;
    // The view of the request is gone when the answer turns out to be withheld.
    const own = correlationValue === null ? null : Uint8Array.from(correlationValue);
    return {
      piece,
      ended: own === null,
      told: [],
      output: (tag) => (silent ? [] : [bytes(tag, piece.data)]),
      correlation: own === null ? [] : [bytes(Tag.CorrelationValue, own)],
      macData,
      result: {
        ...(position === "whole" ? {} : { data: { part: position } }),
        ...(own === null ? {} : { withheld: () => this.#context.outstanding.drop(own) }),
      },
    };
  }

  /** Ends what it goes on with. */
  end(): void {
    this.#before?.stream.drop();
  }
}

/** Works on a part; the data of the request is zeroed afterwards. */
async function withPart<T>(
  context: OperationContext,
  operation: number,
  fields: PartFields,
  work: (part: Part) => T | Promise<T>,
): Promise<T> {
  try {
    const part = new Part(context, operation, fields);
    try {
      return await work(part);
    } catch (error) {
      part.end();
      throw error;
    }
  } finally {
    if (fields.data !== undefined) {
      wipe(fields.data);
    }
  }
}

/**
 * Carries an operation or a part of it out that needs no key.
 *
 * @param operation Operation enumeration
 * @throws KmipError
 */
export const withoutKey = (
  context: OperationContext,
  operation: number,
  fields: PartFields,
  begin: () => Beginning,
): Promise<Progress> =>
  withPart(context, operation, fields, (part) => {
    const beginning = part.continues ? null : begin();
    part.refuse(beginning);
    return part.run(NOTHING, null, beginning);
  });

/**
 * Carries an operation or a part of it out with a key.
 *
 * @param begin for whole data and first parts, before anything is taken of the key
 * @throws KmipError; KeyStoreError
 */
export const withKeyInParts = (
  context: OperationContext,
  fields: PartFields & { readonly uniqueIdentifier: string | undefined },
  { operation, ...use }: Pick<KeyUse, "purpose" | "usage"> & { readonly operation: number },
  begin: (object: ManagedObject) => Beginning,
): Promise<Progress & { readonly identifier: string }> =>
  withPart(context, operation, fields, async (part) => {
    const identifier = part.identifierOf(fields.uniqueIdentifier);
    const object = await findObject(context, identifier);
    const { data, continues } = part;
    const progress = await withKey(
      context,
      object,
      { ...use, length: data.length, continued: continues },
      () => {
        const beginning = continues ? null : begin(object);
        part.refuse(beginning);
        return (key) => part.run(key, identifier, beginning);
      },
    );
    return { ...progress, identifier };
  });
