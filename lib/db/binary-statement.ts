import type pg from "pg";

/** Object identifiers of built-in types; they are the same in every PostgreSQL. */
const OID = { bytea: 17, int8: 20, text: 25, timestamptz: 1184, uuid: 2950 } as const;

/** A UTF-16 code unit takes no more bytes than this in UTF-8. */
const MAX_UTF8_BYTES = 3;
/** 2000-01-01, from which PostgreSQL counts microseconds. */
const EPOCH_MS = 946_684_800_000;
const FIRST_BYTES = 16_384;
/** A buffer that grew beyond it is given back after use. */
const KEPT_BYTES = 1_048_576;

/** Execute with the unnamed portal and no limit, then Sync (PostgreSQL 53.7). */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);

/** Value of each hexadecimal digit, by its character code. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);

  return Number.isNaN(value) ? 0 : value;
});
/** Where the sixteen pairs of digits stand in the text of a UUID. */
const PAIRS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;

/**
 * A prepared statement whose values are written straight into the message that goes over the wire, all of them in
 * PostgreSQL's binary format, in a buffer that is used again. For statements of thousands of values that run
 * thousands of times a second: `pg` itself would quote every element of an array as text and copy the message as it
 * grows, and the collector would have more to do than the database.
 *
 * Call `begin`, then one method for each parameter in order, then `run`; not again before `run` has settled.
 */
export class BinaryStatement {
  readonly #name: string;
  readonly #text: string;
  readonly #parameters: number;
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = 0;

  /** @param name of the prepared statement, its own on every connection */
  constructor(name: string, text: string, parameters: number) {
    this.#name = name;
    this.#text = text;
    this.#parameters = parameters;
  }

  /** Forgets the values of the last run. */
  begin(): void {
    this.#end = 0;
    this.#ensure(this.#name.length * MAX_UTF8_BYTES + 16);
    this.#buffer.write("B", 0, "latin1");
    // Its length comes last; the unnamed portal.
    this.#buffer[5] = 0;
    this.#end = 6 + this.#buffer.write(this.#name, 6, "utf8");
    this.#buffer[this.#end] = 0;
    this.#end = this.#buffer.writeInt16BE(1, this.#end + 1);
    this.#end = this.#buffer.writeInt16BE(1, this.#end);
    this.#end = this.#buffer.writeInt16BE(this.#parameters, this.#end);
  }

  text(value: string): void {
    this.#utf8(value);
  }

  bigint(value: bigint): void {
    this.#int8(value);
  }

  /** `bytea`, given as a string of one character a byte. */
  bytes(latin1: string): void {
    this.#bytea(latin1);
  }

  /**
   * An array of a composite type: `write` writes the fields of each value, in the order of the type's attributes.
   *
   * One array of records is taken apart in half the time that it takes to put rows together from an array a column.
   * @param type object identifier of the composite type, which every database has its own of
   */
  records<T>(type: number, fields: number, values: readonly T[], write: (value: T) => void): void {
    const start = this.#end;

    // One dimension with the lower bound 1, no NULL (array_send, src/backend/utils/adt/arrayfuncs.c).
    this.#ensure(24);
    this.#buffer.writeInt32BE(1, start + 4);
    this.#buffer.writeInt32BE(0, start + 8);
    this.#buffer.writeInt32BE(type, start + 12);
    this.#buffer.writeInt32BE(values.length, start + 16);
    this.#buffer.writeInt32BE(1, start + 20);
    this.#end = start + 24;

    for (const value of values) {
      const record = this.#end;

      // record_send, src/backend/utils/adt/rowtypes.c
      this.#ensure(8);
      this.#buffer.writeInt32BE(fields, record + 4);
      this.#end = record + 8;
      write(value);
      this.#buffer.writeInt32BE(this.#end - record - 4, record);
    }

    this.#buffer.writeInt32BE(this.#end - start - 4, start);
  }

  textField(value: string | null): void {
    this.#type(OID.text);

    if (value === null) {
      this.#null();
    } else {
      this.#utf8(value);
    }
  }

  /** A text that is UTF-8 already. */
  utf8Field(value: Uint8Array): void {
    this.#type(OID.text);
    this.#ensure(4 + value.length);
    this.#buffer.set(value, this.#buffer.writeInt32BE(value.length, this.#end));
    this.#end += 4 + value.length;
  }

  bigintField(value: bigint): void {
    this.#type(OID.int8);
    this.#int8(value);
  }

  timestampField(value: Date): void {
    this.#type(OID.timestamptz);
    this.#int8(BigInt(value.getTime() - EPOCH_MS) * 1_000n);
  }

  /** See `bytes`. */
  bytesField(latin1: string): void {
    this.#type(OID.bytea);
    this.#bytea(latin1);
  }

  /** The text is a UUID: nothing here looks. */
  uuidField(value: string | null): void {
    this.#type(OID.uuid);

    if (value === null) {
      this.#null();
    } else {
      this.#uuid(value);
    }
  }

  /**
   * Runs the statement.
   *
   * @returns the number of rows that it says it has touched
   * @throws the error of PostgreSQL or of the connection; the statement may then not be used again, as a connection
   *   that is not closed yet could still send its buffer
   */
  run(client: Pick<pg.PoolClient, "query">): Promise<number> {
    this.#ensure(2 + EXECUTE_AND_SYNC.length);
    // Results in the default format: there are none.
    this.#end = this.#buffer.writeInt16BE(0, this.#end);
    this.#buffer.writeInt32BE(this.#end - 1, 1);
    EXECUTE_AND_SYNC.copy(this.#buffer, this.#end);

    const message = this.#buffer.subarray(0, this.#end + EXECUTE_AND_SYNC.length);

    if (this.#buffer.length > KEPT_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    }

    return client.query(new Submission(this.#name, this.#text, message)).done;
  }

  #ensure(bytes: number): void {
    if (this.#buffer.length - this.#end >= bytes) {
      return;
    }

    const grown = Buffer.allocUnsafeSlow(2 * (this.#end + bytes));

    this.#buffer.copy(grown, 0, 0, this.#end);
    this.#buffer = grown;
  }

  #type(oid: number): void {
    this.#ensure(4);
    this.#end = this.#buffer.writeInt32BE(oid, this.#end);
  }

  #null(): void {
    this.#ensure(4);
    this.#end = this.#buffer.writeInt32BE(-1, this.#end);
  }

  #utf8(value: string): void {
    this.#ensure(4 + value.length * MAX_UTF8_BYTES);

    const bytes = this.#buffer.write(value, this.#end + 4, "utf8");

    this.#end = this.#buffer.writeInt32BE(bytes, this.#end) + bytes;
  }

  #bytea(latin1: string): void {
    this.#ensure(4 + latin1.length);

    const bytes = this.#buffer.write(latin1, this.#end + 4, "latin1");

    this.#end = this.#buffer.writeInt32BE(bytes, this.#end) + bytes;
  }

  #int8(value: bigint): void {
    this.#ensure(12);
    this.#end = this.#buffer.writeBigInt64BE(value, this.#buffer.writeInt32BE(8, this.#end));
  }

  #uuid(value: string): void {
    this.#ensure(20);

    let at = this.#buffer.writeInt32BE(16, this.#end);

    for (const pair of PAIRS) {
      const high = DIGITS[value.charCodeAt(pair)] ?? 0;
      const low = DIGITS[value.charCodeAt(pair + 1)] ?? 0;

      this.#buffer[at] = (high << 4) | low;
      at += 1;
    }

    this.#end = at;
  }
}

/** What `pg` keeps of the statements that a connection has prepared. */
type PreparedStatements = { readonly parsedStatements: { readonly [name: string]: string | undefined } };

/** A query of `pg` (as pg-cursor is one) that sends a message which is complete already. */
class Submission implements pg.Submittable {
  /** `pg` remembers by these which statements a connection has prepared. */
  readonly name: string;
  readonly text: string;
  readonly #message: Buffer;
  #rows = 0;
  #error: Error | null = null;
  #settle: { resolve: (rows: number) => void; reject: (error: Error) => void } | null = null;
  readonly done: Promise<number>;

  constructor(name: string, text: string, message: Buffer) {
    this.name = name;
    this.text = text;
    this.#message = message;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  submit(connection: pg.Connection): void {
    const { parsedStatements } = connection as pg.Connection & PreparedStatements;

    if (parsedStatements[this.name] === undefined) {
      connection.parse({ name: this.name, text: this.text, types: [] }, true);
    }

    connection.stream.write(this.#message);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rows = Number(text.slice(text.lastIndexOf(" ") + 1));
  }

  /** PostgreSQL's refusal, after which it still says that it is ready; or the end of the connection. */
  handleError(error: Error): void {
    this.#error = error;
    this.#settle?.reject(error);
    this.#settle = null;
  }

  handleReadyForQuery(): void {
    if (this.#error === null) {
      this.#settle?.resolve(this.#rows);
      this.#settle = null;
    }
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}
