/**
 * A token as a PKCS#11 URI (RFC 7512): which of the configured modules, and which token in it. It takes the place of
 * a CRN. The module is named, never given by its path: `module-path` is not read.
 */
export type TokenAddress = {
  /** Name of a module of PKCS11_MODULES. */
  readonly module: string;
  readonly label: string;
  readonly serial: string;
  /** Where wrapped KEKs are kept; absent = in the token. */
  readonly storage?: "database";
};

/** `pkcs11:token=kmip;serial=0159?module-name=softhsm` */
export function formatTokenUri({ module, label, serial, storage }: TokenAddress): string {
  const uri = `${formatToken({ label, serial })}?module-name=${encode(module)}`;

  return storage === undefined ? uri : `${uri}&x-storage=${storage}`;
}

/** The token alone, through whichever module it is reached. */
export function formatToken({ label, serial }: Pick<TokenAddress, "label" | "serial">): string {
  return `pkcs11:token=${encode(label)};serial=${encode(serial)}`;
}

/** The address in a URI that this console wrote; null for anything else. */
export function parseTokenUri(text: string): TokenAddress | null {
  const match = /^pkcs11:token=([^;?&]*);serial=([^;?&]*)\?module-name=([^;?&]+)(&x-storage=database)?$/.exec(
    text,
  );

  if (match === null) {
    return null;
  }

  try {
    const [label = "", serial = "", module = ""] = match.slice(1, 4).map((part) => decodeURIComponent(part));

    return label === "" && serial === ""
      ? null
      : { label, serial, module, ...(match[4] === undefined ? {} : { storage: "database" }) };
  } catch {
    // A percent sign that encodes nothing.
    return null;
  }
}

function encode(text: string): string {
  return encodeURIComponent(text);
}
