/** Text that is not a KMIP message in XML or JSON. The only error that this folder's parsers and writers throw. */
export class EncodingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "EncodingError";
  }
}
