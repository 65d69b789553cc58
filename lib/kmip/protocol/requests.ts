/**
 * Request messages (KMIP 7.1, 7.2): from bytes to a header and its batch items.
 *
 * Damage is kept where it is: what cannot be read of a batch item fails that item alone; only what cannot be read
 * of the message's frame and header fails the message (11.1).
 */

import { type DecodeLimits, type ItemExtent, TtlvDecoder } from "../ttlv/decoder";
import { TtlvError } from "../ttlv/errors";
import { ItemType, type StructureItem } from "../ttlv/item";
import { AsynchronousIndicator } from "./enumerations";
import { codecError, invalidMessage, KmipError, unknownExtension, unsupportedVersion } from "./errors";
import {
  asBoolean,
  asBytes,
  asCode,
  asCount,
  asDateTime,
  asEnumeration,
  asFields,
  asInteger,
  asItem,
  asStructure,
  asText,
  type FieldValues,
  type ItemReader,
  isIgnored,
  many,
  one,
  optional,
  type ReadContext,
  readFields,
  schema,
  tagName,
  unknownField,
} from "./fields";
import { Tag } from "./tags";
import {
  FALLBACK_VERSION,
  isSecondMajor,
  KmipVersion,
  NEWEST_VERSION,
  nearestVersion,
  negotiate,
} from "./versions";

const PROTOCOL_VERSION = schema({
  major: one(Tag.ProtocolVersionMajor, asInteger),
  minor: one(Tag.ProtocolVersionMinor, asInteger),
});

/** Reads a Protocol Version structure (6.1). */
export const asProtocolVersion = asFields(PROTOCOL_VERSION);

/** 6.7; 2.1: 9.2. True if the client insists on asynchronous answers. */
const asAsynchronousIndicator: ItemReader<boolean> = (item, context) =>
  isSecondMajor(context.version)
    ? asEnumeration(item, context) === AsynchronousIndicator.Mandatory
    : asBoolean(item, context);

/** Table 282. Authentication is read past: the client is who its certificate says. */
const REQUEST_HEADER = schema({
  // Read, and negotiated, before the rest of the header.
  protocolVersion: one(Tag.ProtocolVersion, asItem),
  maximumResponseSize: optional(Tag.MaximumResponseSize, asCount),
  clientCorrelationValue: optional(Tag.ClientCorrelationValue, asText, KmipVersion.V1_4),
  serverCorrelationValue: optional(Tag.ServerCorrelationValue, asText, KmipVersion.V1_4),
  asynchronous: optional(Tag.AsynchronousIndicator, asAsynchronousIndicator),
  attestationCapableIndicator: optional(Tag.AttestationCapableIndicator, asBoolean, KmipVersion.V1_2),
  attestationTypes: many(Tag.AttestationType, asCode, KmipVersion.V1_2),
  authentication: optional(Tag.Authentication, asItem),
  batchErrorContinuationOption: optional(Tag.BatchErrorContinuationOption, asEnumeration),
  batchOrderOption: optional(Tag.BatchOrderOption, asBoolean),
  timeStamp: optional(Tag.TimeStamp, asDateTime),
  batchCount: one(Tag.BatchCount, asCount),
});

/** 6.16 */
const MESSAGE_EXTENSION = schema({
  vendorIdentification: one(Tag.VendorIdentification, asText),
  criticalityIndicator: one(Tag.CriticalityIndicator, asBoolean),
  vendorExtension: one(Tag.VendorExtension, asItem),
});

type RequestHeader = FieldValues<typeof REQUEST_HEADER.fields>;

/** One operation that is asked for. */
export type RequestItem = {
  /** Operation enumeration; null if it could not be read. */
  readonly operation: number | null;
  readonly uniqueBatchItemId: Uint8Array | null;
  /** True if the client does not want the data that the operation puts out (2.1: 8.3). */
  readonly ephemeral: boolean;
  /** Null only if `error` is set. */
  readonly payload: StructureItem | null;
  /** Why the item could not be read. */
  readonly error: KmipError | null;
};

export type Request = ReadContext & {
  readonly header: RequestHeader;
  readonly items: readonly RequestItem[];
};

/** A message that is refused as a whole, and the version to say so in. */
export type RefusedRequest = {
  readonly error: KmipError;
  readonly version: KmipVersion;
  /** The item that the answer is to, if the message could be read (Table 285). */
  readonly item?: Pick<RequestItem, "operation" | "uniqueBatchItemId">;
};

/** Reads a request message. Never throws for what is in it. */
export function readRequest(
  message: Uint8Array,
  limits: DecodeLimits & { readonly maxBatchItems: number },
): Request | RefusedRequest {
  let context: ReadContext | null = null;
  try {
    const decoder = new TtlvDecoder(message, limits, true);
    const frame = decoder.extentAt(0);
    if (frame.tag !== Tag.RequestMessage) {
      throw invalidMessage("Not a request message");
    }
    if (frame.end !== message.length) {
      throw invalidMessage("Bytes after the request message");
    }
    const extents = decoder.extentsIn(frame);
    const headerExtent = onlyHeader(extents);
    context = readVersion(decoder, headerExtent);
    const header = readFields(REQUEST_HEADER, decoder.decode(headerExtent, 1), context);
    const batch = batchIn(extents, context);
    checkBatch(batch, header.batchCount, limits.maxBatchItems);
    const items: RequestItem[] = [];
    for (const extent of batch) {
      items.push(readItem(decoder, extent, context, batch.length > 1));
    }
    return { version: context.version, newer: context.newer, header, items };
  } catch (error) {
    if (error instanceof VersionMismatch) {
      return error;
    }
    const version = context?.version ?? FALLBACK_VERSION;
    if (error instanceof CriticalExtension) {
      return { error: error.refusal, version, item: error.item };
    }
    return { error: asKmipError(error), version };
  }
}

/** @throws KmipError if there is none, or more than one */
function onlyHeader(extents: readonly ItemExtent[]): ItemExtent {
  let header: ItemExtent | null = null;
  for (const extent of extents) {
    if (extent.tag !== Tag.RequestHeader) {
      continue;
    }
    if (header !== null) {
      throw invalidMessage("One request header expected");
    }
    header = extent;
  }
  if (header === null) {
    throw invalidMessage("One request header expected");
  }
  return header;
}

/** What is wrong with the message; anything else is a fault of ours and is thrown on. */
function asKmipError(error: unknown): KmipError {
  if (error instanceof KmipError) {
    return error;
  }
  if (error instanceof TtlvError) {
    return codecError("The message cannot be parsed", {
      detail: `${error.message} at byte ${error.offset}`,
    });
  }
  throw error;
}

/** Carries the refusal of a major version, and the version to say so in. */
class VersionMismatch extends Error implements RefusedRequest {
  readonly error: KmipError;
  readonly version: KmipVersion;

  constructor(major: number, minor: number) {
    super("protocol version");
    this.error = unsupportedVersion(`Protocol version ${major}.${minor} is not supported`);
    this.version = nearestVersion(major);
  }
}

const STRICT: ReadContext = { version: NEWEST_VERSION, newer: false };

/** The version comes first, so that whatever else is wrong is answered in it. */
function readVersion(decoder: TtlvDecoder, header: ItemExtent): ReadContext {
  const extent = decoder.extentOf(header, Tag.ProtocolVersion);
  if (extent === null) {
    throw invalidMessage("Protocol Version is missing");
  }
  const { major, minor } = asProtocolVersion(decoder.decode(extent, 2), STRICT);
  const context = negotiate(major, minor);
  if (context === null) {
    throw new VersionMismatch(major, minor);
  }
  return context;
}

/** The batch items among what a message holds beside its header. @throws KmipError if there are others, or none */
function batchIn(extents: readonly ItemExtent[], context: ReadContext): ItemExtent[] {
  const batch: ItemExtent[] = [];
  for (const extent of extents) {
    if (extent.tag === Tag.BatchItem) {
      batch.push(extent);
    } else if (extent.tag !== Tag.RequestHeader && !isIgnored(extent.tag, context)) {
      throw unknownField(extent.tag, Tag.RequestMessage, context.version);
    }
  }
  if (batch.length === 0) {
    throw invalidMessage("Batch Item is missing");
  }
  return batch;
}

/** @throws KmipError */
function checkBatch({ length }: readonly ItemExtent[], batchCount: number, maxBatchItems: number): void {
  if (batchCount !== length) {
    throw invalidMessage("Batch Count is not the number of batch items");
  }
  if (length > maxBatchItems) {
    throw invalidMessage(`More than ${maxBatchItems} batch items`);
  }
}

/** Table 283. @param several true in a batch of more than one, whose items have to be told apart */
function readItem(
  decoder: TtlvDecoder,
  extent: ItemExtent,
  context: ReadContext,
  several: boolean,
): RequestItem {
  let operation: number | null = null;
  let uniqueBatchItemId: Uint8Array | null = null;
  let ephemeral: boolean | null = null;
  let payload: StructureItem | null = null;
  let error: KmipError | null = null;
  let fields: readonly ItemExtent[] = [];
  try {
    if (extent.type !== ItemType.Structure) {
      throw invalidMessage("Batch Item has the wrong type");
    }
    fields = decoder.extentsIn(extent);
  } catch (cause) {
    error = asKmipError(cause);
  }
  for (const field of fields) {
    try {
      switch (field.tag) {
        case Tag.Operation:
          if (operation !== null) {
            throw repeated(field);
          }
          operation = asCode(decoder.decode(field, 2), context);
          break;
        case Tag.UniqueBatchItemID:
          if (uniqueBatchItemId !== null) {
            throw repeated(field);
          }
          uniqueBatchItemId = asBytes(decoder.decode(field, 2), context);
          break;
        case Tag.Ephemeral:
          if (!isSecondMajor(context.version)) {
            throw unknownField(field.tag, Tag.BatchItem, context.version);
          }
          if (ephemeral !== null) {
            throw repeated(field);
          }
          ephemeral = asBoolean(decoder.decode(field, 2), context);
          break;
        case Tag.RequestPayload:
          if (payload !== null) {
            throw repeated(field);
          }
          payload = asStructure(decoder.decode(field, 2));
          break;
        case Tag.MessageExtension:
          refuseCritical(decoder, field, context, { operation, uniqueBatchItemId });
          break;
        default:
          if (!isIgnored(field.tag, context)) {
            throw unknownField(field.tag, Tag.BatchItem, context.version);
          }
      }
    } catch (cause) {
      if (cause instanceof CriticalExtension) {
        throw cause;
      }
      error ??= asKmipError(cause);
    }
  }
  if (error === null && operation === null) {
    error = invalidMessage("Operation is missing");
  }
  if (error === null && several && uniqueBatchItemId === null) {
    error = invalidMessage("Unique Batch Item ID is missing");
  }
  if (error === null && payload === null) {
    error = invalidMessage("Request Payload is missing");
  }
  return { operation, uniqueBatchItemId, ephemeral: ephemeral === true, payload, error };
}

const repeated = ({ tag }: ItemExtent) => invalidMessage(`${tagName(tag)} appears more than once`);

type AnsweredItem = NonNullable<RefusedRequest["item"]>;

/** Carries the refusal of a whole message out of one of its items. */
class CriticalExtension extends Error {
  readonly refusal: KmipError;
  readonly item: AnsweredItem;

  constructor(vendor: string, item: AnsweredItem) {
    super("critical message extension");
    this.refusal = unknownExtension(`Message extension of ${vendor} is not supported`);
    this.item = item;
  }
}

/** 6.16: a critical extension that is not understood, and none is, rejects the entire message. */
function refuseCritical(
  decoder: TtlvDecoder,
  extent: ItemExtent,
  context: ReadContext,
  item: AnsweredItem,
): void {
  const extension = readFields(MESSAGE_EXTENSION, decoder.decode(extent, 2), context);
  if (extension.criticalityIndicator) {
    throw new CriticalExtension(extension.vendorIdentification, item);
  }
}
