/** The object of an answer, as a client asks for it: of Get and of Export (KMIP 4.11, 4.40). */
import { itemFromStored } from "../../attributes/values";
import type { ManagedObject } from "../../ports";
import { KeyWrapType, ObjectType } from "../../protocol/enumerations";
import { FAILURES, illegalOperation, invalidField, KmipError } from "../../protocol/errors";
import { asEnumeration, optional } from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import { KmipVersion } from "../../protocol/versions";
import type { Item } from "../../ttlv/item";
import { wipe } from "../../ttlv/wipe";
import type { OperationContext } from "../context";
import {
  asWrappingSpecification,
  unwrapKeyValue,
  type WrappingSpecification,
  wrapObject,
} from "./key-wrapping";
import { isStructured, wrappingOf } from "./key-wrapping-data";
import { formatToServe, objectItem, wrappedItem, wrappedValue } from "./object-items";
import { markServed, readMaterial, refuseUnserved } from "./serving";
import { templateItem } from "./templates";

/** The Key Compression Type of what is not compressed (9.1.3.2.2), as no symmetric key is. */
const UNCOMPRESSED = 1;

/** How the object is wanted. */
export const WANTED = {
  keyFormatType: optional(Tag.KeyFormatType, asEnumeration),
  keyWrapType: optional(Tag.KeyWrapType, asEnumeration, KmipVersion.V1_4),
  keyCompressionType: optional(Tag.KeyCompressionType, asEnumeration),
  keyWrappingSpecification: optional(Tag.KeyWrappingSpecification, asWrappingSpecification),
};

type Wanted = {
  readonly keyFormatType: number | undefined;
  readonly keyWrapType: number | undefined;
  readonly keyCompressionType: number | undefined;
  readonly keyWrappingSpecification: WrappingSpecification | undefined;
};

/** True if a Key Value that came wrapped is wanted unwrapped. */
const isUnwrapped = ({ keyWrapType }: Wanted): boolean => keyWrapType === KeyWrapType.NotWrapped;

/** An object as an item, and the bytes in it to be zeroed once it is encoded; a template has none. */
export type ServedObject = { readonly item: Item; readonly material?: Uint8Array };

/**
 * Reads an object for an answer. A Key Value that came wrapped is answered as it came, unless the client wants it
 * unwrapped.
 *
 * @throws KmipError as Table 338 says; KeyStoreError
 */
export async function serveObject(
  context: OperationContext,
  object: ManagedObject,
  wanted: Wanted,
): Promise<ServedObject> {
  const { keyWrappingSpecification: specification } = wanted;
  const staysWrapped = !isUnwrapped(wanted) && wrappingOf(object.attributes) !== null;
  refuseUnserved(context, object, specification !== undefined || staysWrapped);
  const format = formatToServe(object, wanted.keyFormatType, staysWrapped);
  if ((wanted.keyCompressionType ?? UNCOMPRESSED) !== UNCOMPRESSED) {
    throw new KmipError(FAILURES.keyCompressionTypeNotSupported, "Symmetric keys are not compressed");
  }
  if (object.objectType === ObjectType.Template && specification === undefined) {
    return { item: await templateItem(context, object) };
  }
  const served = await inForm(context, object, format, wanted);
  await markServed(context, object);
  return served;
}

async function inForm(
  context: OperationContext,
  object: ManagedObject,
  format: number | null,
  wanted: Wanted,
): Promise<ServedObject> {
  const { keyWrappingSpecification: specification } = wanted;
  const kept = wrappingOf(object.attributes);
  if (specification !== undefined) {
    if (isUnwrapped(wanted)) {
      throw invalidField("The object cannot be both wrapped and not wrapped");
    }
    if (kept !== null) {
      throw illegalOperation("The object is wrapped already");
    }
    return wrapObject(context, object, format, specification);
  }
  const material = await readMaterial(context, object);
  if (kept === null || format === null) {
    return { item: objectItem(object, format, material), material };
  }
  if (!isUnwrapped(wanted)) {
    const data = itemFromStored(Tag.KeyWrappingData, kept);
    const value = wrappedValue(material, isStructured(object.attributes));
    return { item: wrappedItem(object, format, value, data), material };
  }
  try {
    const structured = isStructured(object.attributes);
    const unwrapped = await unwrapKeyValue(context, {
      wrapping: kept,
      structured,
      format,
      wrapped: material,
    });
    return { item: objectItem(object, format, unwrapped.material), material: unwrapped.material };
  } finally {
    wipe(material);
  }
}
