export { decodeTtlv, HEADER_LENGTH } from "./decoder";
export { encodeTtlv, TtlvWriter } from "./encoder";
export { TtlvError } from "./errors";
export * from "./item";
