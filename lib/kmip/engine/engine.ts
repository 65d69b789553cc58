/**
 * The KMIP engine: the bytes of a request message in, the bytes of its response message out.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { toSeconds } from "../attributes/lifecycle";
import { INTEROP_REGISTRY, OPERATION_REGISTRY } from "../operations";
import type { EngineLimits, ServerIdentity } from "../operations/context";
import { OutstandingOperations } from "../operations/cryptography/outstanding";
import { toKmipError } from "../operations/errors";
import type {
  AuditWriter,
  EngineClock,
  EngineLogger,
  KeyStore,
  KmipAuditRecord,
  RandomSource,
  Tenant,
} from "../ports";
import { internalError, invalidMessage, type KmipError } from "../protocol/errors";
import { type RefusedRequest, type Request, readRequest } from "../protocol/requests";
import { type ResponseHeader, ResponseWriter } from "../protocol/responses";
import { FALLBACK_VERSION, formatVersion, type KmipVersion } from "../protocol/versions";
import { DEFAULT_DECODE_LIMITS } from "../ttlv/decoder";
import { refuseFeatures, runBatch } from "./batch";
import type { BatchContext } from "./batch-context";
import {
  type CompletedItem,
  carriesMaterial,
  isFailure,
  isSuccess,
  isUndone,
  needsRecord,
  withhold,
} from "./completed-item";

export type KmipEngineOptions = {
  readonly store: KeyStore;
  readonly audit: AuditWriter;
  readonly logger: EngineLogger;
  /** Default: the system's clock. */
  readonly clock?: EngineClock;
  /** Default: node:crypto. */
  readonly random?: RandomSource;
  readonly identity?: ServerIdentity;
  readonly limits?: Partial<EngineLimits>;
  /** True for test runs: the operation Interop is there, which a server in production must not have (2.1: 6.1.26). */
  readonly interop?: boolean;
  /** Called for each batch item that is answered; null for what had no operation to read. It must not throw. */
  readonly onAnswered?: (operation: number | null, succeeded: boolean) => void;
};

/** Who sent a message, from where. */
export type RequestOrigin = {
  readonly tenant: Tenant;
  readonly remoteAddress: string;
  readonly remotePort: number;
};

/** A response message, ready for the wire. */
export type EngineResponse = {
  readonly bytes: Uint8Array;
  /** Zeroes `bytes` and takes their buffer back: call it once the transport has taken them, and forget them. */
  release(): void;
};

/**
 * The engine. It may be shared by any number of connections. Between messages it holds nothing but cryptographic
 * operations of which parts are yet to come.
 */
export interface KmipEngine {
  /**
   * Answers one request message. It never rejects: whatever goes wrong becomes a response message. When it
   * resolves, the audit records of the message are durable.
   *
   * @param message one complete TTLV-encoded Request Message; key material and plaintext in it are zeroed
   */
  handle(message: Uint8Array, origin: RequestOrigin): Promise<EngineResponse>;
  /**
   * Answers, and records, bytes that cannot be a request message: Invalid Message, for a reason that the transport
   * knows. It never rejects.
   */
  refuse(reason: string, origin: RequestOrigin): Promise<EngineResponse>;
  /**
   * Answers a request message of somebody who cannot be looked up at the moment: General Failure. Nothing of it is
   * carried out, nothing recorded, and the message is zeroed.
   */
  excuse(message: Uint8Array): EngineResponse;
}

const DEFAULT_LIMITS: EngineLimits = {
  ...DEFAULT_DECODE_LIMITS,
  maxBatchItems: 100,
  maxAttributeInstances: 200,
  maxAttributeBytes: 262_144,
  maxMaterialBytes: 7_500,
  maxRandomBytes: 65_536,
  maxLocatedItems: 10_000,
  maxOutstanding: 4_096,
  maxOutstandingOfClient: 64,
  maxOutstandingBytesOfClient: 16 * 1_048_576,
  maxOutstandingBytes: 64 * 1_048_576,
  outstandingSeconds: 120,
};

const SYSTEM_CLOCK: EngineClock = { now: () => new Date() };
const SYSTEM_RANDOM: RandomSource = { bytes: (length) => randomBytes(length), uuid: () => randomUUID() };
export const DEFAULT_IDENTITY: ServerIdentity = { vendorIdentification: "KMIP Console" };

/** Makes an engine. */
export function createKmipEngine(options: KmipEngineOptions): KmipEngine {
  const { store, audit, logger, clock = SYSTEM_CLOCK, random = SYSTEM_RANDOM } = options;
  const { identity = DEFAULT_IDENTITY, onAnswered } = options;
  const limits: EngineLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const operations = options.interop === true ? INTEROP_REGISTRY : OPERATION_REGISTRY;
  const outstanding = new OutstandingOperations(clock, limits);

  async function respond(read: Request | RefusedRequest, origin: RequestOrigin): Promise<EngineResponse> {
    const now = clock.now();
    const requestId = random.uuid();
    const header = responseHeader(read, now, requestId);
    let writer = new ResponseWriter(header);
    let items: readonly CompletedItem[];
    if ("error" in read) {
      items = [refusal(read.error, read.item)];
      for (const item of items) {
        writer.add(item);
      }
    } else {
      const context: BatchContext = {
        version: read.version,
        newer: read.newer,
        tenant: { ...origin.tenant, requestId },
        now,
        store,
        outstanding,
        random,
        logger,
        limits,
        identity,
        operations,
        undoable: false,
        idPlaceholder: null,
        subjects: [],
      };
      items = await runBatch(read, context, writer);
    }
    try {
      await audit.write(items.map(recordOf(origin, requestId, header.version, read)));
    } catch (error) {
      logger.error(
        { err: error, requestId },
        "The audit could not be written: keys and changes are withheld",
      );
      writer.release();
      writer = new ResponseWriter(header);
      items = items.map(withoutRecord);
      for (const item of items) {
        writer.add(item);
      }
    }
    if (onAnswered !== undefined) {
      for (const item of items) {
        onAnswered(item.operation, !isFailure(item));
      }
    }
    return answer(writer);
  }

  /** Whatever goes wrong becomes an answer. */
  async function respondSafely(
    read: Request | RefusedRequest,
    origin: RequestOrigin,
  ): Promise<EngineResponse> {
    try {
      return await respond(read, origin);
    } catch (error) {
      logger.error({ err: error }, "A request could not be answered, by a fault of the server");
      const writer = new ResponseWriter({ version: read.version, timeStamp: toSeconds(clock.now()) });
      writer.add(refusal(toKmipError(error)));
      return answer(writer);
    }
  }

  return {
    handle: (message, origin) => respondSafely(readSafely(message, limits), origin),
    refuse: (reason, origin) =>
      respondSafely({ error: invalidMessage(reason), version: FALLBACK_VERSION }, origin),
    excuse(message) {
      const read = readSafely(message, limits);
      const item = "error" in read ? read.item : read.items[0];
      const writer = new ResponseWriter({ version: read.version, timeStamp: toSeconds(clock.now()) });
      writer.add(refusal(internalError("The server cannot reach its database"), item));
      message.fill(0);
      return answer(writer);
    },
  };

  function readSafely(message: Uint8Array, bounds: EngineLimits): Request | RefusedRequest {
    try {
      const request = readRequest(message, bounds);
      if ("error" in request) {
        return request;
      }
      try {
        refuseFeatures(request);
        return request;
      } catch (error) {
        const [first] = request.items;
        const refused = { error: toKmipError(error), version: request.version };
        return first === undefined ? refused : { ...refused, item: first };
      }
    } catch (error) {
      logger.error({ err: error }, "A request could not be read, by a fault of the server");
      return { error: toKmipError(error), version: FALLBACK_VERSION };
    }
  }
}

function responseHeader(read: Request | RefusedRequest, now: Date, requestId: string): ResponseHeader {
  const header = { version: read.version, timeStamp: toSeconds(now) };
  const correlated = "header" in read && read.header.clientCorrelationValue !== undefined;
  return correlated ? { ...header, serverCorrelationValue: requestId } : header;
}

/**
 * A message that failed as a whole: one item, without Operation if the message could not be read (11.1), or else the
 * answer to the item that is to blame (Table 285).
 */
const refusal = (error: KmipError, item?: RefusedRequest["item"]): CompletedItem => ({
  operation: item?.operation ?? null,
  uniqueBatchItemId: item?.uniqueBatchItemId ?? null,
  subjects: [],
  outcome: { error },
});

/** An item whose record could not be written: what it did or would hand out is not told. */
function withoutRecord(item: CompletedItem): CompletedItem {
  if (!needsRecord(item)) {
    return item;
  }
  withhold(item);
  return {
    ...item,
    outcome: { error: internalError("The operation could not be recorded in the audit log") },
  };
}

/** Characters of a Client Correlation Value that the audit keeps. */
const MAX_CORRELATION = 255;

type Facts = NonNullable<KmipAuditRecord["data"]>;

function recordOf(
  origin: RequestOrigin,
  requestId: string,
  version: KmipVersion,
  read: Request | RefusedRequest,
): (item: CompletedItem) => KmipAuditRecord {
  const correlation =
    "header" in read ? read.header.clientCorrelationValue?.slice(0, MAX_CORRELATION) : undefined;
  return (item): KmipAuditRecord => {
    const base: KmipAuditRecord = {
      tenant: origin.tenant,
      operation: item.operation,
      uniqueIdentifiers: item.subjects,
      remoteAddress: origin.remoteAddress,
      remotePort: origin.remotePort,
      protocolVersion: formatVersion(version),
      requestId,
      servedMaterial: carriesMaterial(item),
      outcome: "success",
    };
    // Nearly every item: the record is made once, not copied to add what is not there.
    if (correlation === undefined && isSuccess(item) && item.outcome.data === undefined) {
      return base;
    }
    const facts: Facts = correlation === undefined ? {} : { clientCorrelationValue: correlation };
    const told = correlation === undefined ? {} : { data: facts };
    if (isUndone(item)) {
      return { ...base, ...told, outcome: "failure", undone: true };
    }
    if (isFailure(item)) {
      const { error } = item.outcome;
      return {
        ...base,
        ...told,
        outcome: "failure",
        resultReason: error.reasonIn(version, item.operation),
        message: error.message,
        ...(error.detail === undefined ? {} : { detail: error.detail }),
      };
    }
    const data: Facts = "data" in item.outcome ? { ...facts, ...item.outcome.data } : facts;
    return { ...base, ...(Object.keys(data).length === 0 ? {} : { data }) };
  };
}

function answer(writer: ResponseWriter): EngineResponse {
  let released = false;
  return {
    bytes: writer.finish(),
    release() {
      if (released) {
        return;
      }
      released = true;
      writer.release();
    },
  };
}
