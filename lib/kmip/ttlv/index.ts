export { type DecodeLimits, decodeTtlv, HEADER_LENGTH, type ItemExtent, TtlvDecoder } from "./decoder";
export { encodeTtlv, TtlvWriter } from "./encoder";
export { TtlvError } from "./errors";
export * from "./item";
export { wipe } from "./wipe";
