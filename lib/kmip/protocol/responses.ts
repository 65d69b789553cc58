/**
 * Response messages (KMIP 7.1, 7.2), written item by item as a batch is carried out.
 */

import { TtlvWriter } from "../ttlv/encoder";
import type { Item } from "../ttlv/item";
import { ResultStatus } from "./enumerations";
import type { KmipError } from "./errors";
import { Tag } from "./tags";
import { type KmipVersion, majorOf, minorOf } from "./versions";

/** What became of one batch item. */
export type ItemOutcome = {
  /** Null if the request named none that could be read: then the answer has none either (11.1). */
  readonly operation: number | null;
  readonly uniqueBatchItemId: Uint8Array | null;
  readonly outcome:
    | { readonly payload: readonly Item[] }
    | { readonly error: KmipError }
    /** What was undone tells only what it was about. */
    | { readonly undone: true; readonly about: readonly Item[] };
};

/** Result Message of what was undone. */
const UNDONE = "Undone, because the batch failed";

export type ResponseHeader = {
  readonly version: KmipVersion;
  /** POSIX seconds. */
  readonly timeStamp: number;
  /** Since 1.4, and only for clients that correlate. */
  readonly serverCorrelationValue?: string;
};

/** Writes one response message. */
export class ResponseWriter {
  readonly #writer: TtlvWriter;
  readonly #version: KmipVersion;
  readonly #message: number;
  readonly #batchCountAt: number;
  readonly #itemsAt: number;
  #items = 0;

  constructor(header: ResponseHeader) {
    const writer = new TtlvWriter();
    this.#writer = writer;
    this.#version = header.version;
    this.#message = writer.begin(Tag.ResponseMessage);
    const headerMark = writer.begin(Tag.ResponseHeader);
    const versionMark = writer.begin(Tag.ProtocolVersion);
    writer.integer(Tag.ProtocolVersionMajor, majorOf(header.version));
    writer.integer(Tag.ProtocolVersionMinor, minorOf(header.version));
    writer.end(versionMark);
    writer.dateTime(Tag.TimeStamp, header.timeStamp);
    if (header.serverCorrelationValue !== undefined) {
      writer.text(Tag.ServerCorrelationValue, header.serverCorrelationValue);
    }
    this.#batchCountAt = writer.length;
    writer.integer(Tag.BatchCount, 0);
    writer.end(headerMark);
    this.#itemsAt = writer.length;
  }

  /** Bytes of the message so far. */
  get length(): number {
    return this.#writer.length;
  }

  /**
   * Adds the answer to one batch item (Table 285); answers the mark that takes it back.
   *
   * @throws RangeError for a number that its type cannot hold: then nothing is added
   */
  add(item: ItemOutcome): number {
    const start = this.#writer.length;
    try {
      this.#write(item);
    } catch (error) {
      this.#writer.truncate(start);
      throw error;
    }
    this.#items += 1;
    return start;
  }

  #write(item: ItemOutcome): void {
    const writer = this.#writer;
    const mark = writer.begin(Tag.BatchItem);
    if (item.operation !== null) {
      writer.enumeration(Tag.Operation, item.operation);
    }
    if (item.uniqueBatchItemId !== null) {
      writer.bytes(Tag.UniqueBatchItemID, item.uniqueBatchItemId);
    }
    const { outcome } = item;
    if ("error" in outcome) {
      writer.enumeration(Tag.ResultStatus, ResultStatus.OperationFailed);
      writer.enumeration(Tag.ResultReason, outcome.error.reasonIn(this.#version, item.operation));
      writer.text(Tag.ResultMessage, outcome.error.message);
      if (outcome.error.payload !== undefined) {
        this.#payload(outcome.error.payload);
      }
    } else if ("undone" in outcome) {
      writer.enumeration(Tag.ResultStatus, ResultStatus.OperationUndone);
      writer.text(Tag.ResultMessage, UNDONE);
      this.#payload(outcome.about);
    } else {
      writer.enumeration(Tag.ResultStatus, ResultStatus.Success);
      this.#payload(outcome.payload);
    }
    writer.end(mark);
  }

  #payload(fields: readonly Item[]): void {
    const mark = this.#writer.begin(Tag.ResponsePayload);
    for (const field of fields) {
      this.#writer.item(field);
    }
    this.#writer.end(mark);
  }

  /** Takes the last item back, zeroing it. */
  takeBack(start: number): void {
    this.#writer.truncate(start);
    this.#items -= 1;
  }

  /** Puts another answer in the place of one that was written from `start` to `end`, which is zeroed. */
  exchange(start: number, end: number, item: ItemOutcome): void {
    this.#writer.cut(start, end);
    this.#items -= 1;
    this.#writer.moveBack(this.add(item), start);
  }

  /** Takes all items back, zeroing them. */
  takeBackAll(): void {
    this.#writer.truncate(this.#itemsAt);
    this.#items = 0;
  }

  /** The finished message: a view of the writer's buffer. */
  finish(): Uint8Array {
    this.#writer.end(this.#message);
    this.#writer.patchInteger(this.#batchCountAt, this.#items);
    return this.#writer.view();
  }

  /** Zeroes all that was written, and ends the use of the writer and of what `finish` gave. */
  release(): void {
    this.#writer.release();
  }
}
