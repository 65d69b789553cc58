/** Bytes that are not TTLV. The only error that the codec throws for what it was given to decode. */
export class TtlvError extends Error {
  /** Where in the message, in bytes from its start. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "TtlvError";
    this.offset = offset;
  }
}
