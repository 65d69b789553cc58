import type { KmipVersion } from "./versions";

/**
 * Names of the specification with their code, the version that introduced them and, for those that a later
 * version dropped, the last version that had them.
 *
 * Names are in the normal form of the profiles' XML encoding: "Re-key" is ReKey, "SHA-256" is SHA_256.
 */
export type VersionedTable = {
  readonly [name: string]: readonly [code: number, since: KmipVersion, until?: KmipVersion];
};

/** The codes of a table by name. */
export type CodesOf<T extends VersionedTable> = { readonly [K in keyof T]: T[K][0] };

/** What can be asked about the codes of a table. */
export type CodeIndex = {
  /** The name of a code, or undefined if no version has it. */
  nameOf(code: number): string | undefined;
  /** The code of a name, or undefined. */
  codeOf(name: string): number | undefined;
  /** True if the version knows the code. */
  has(code: number, version: KmipVersion): boolean;
  /** The version that introduced a code. */
  since(code: number): KmipVersion | undefined;
  readonly size: number;
};

/** The plain name → code object of a table. */
export function codesOf<const T extends VersionedTable>(table: T): CodesOf<T> {
  const codes = Object.fromEntries(Object.entries(table).map(([name, [code]]) => [name, code]));
  return codes as CodesOf<T>;
}

/** Indexes a table by code. */
export function indexOf(table: VersionedTable): CodeIndex {
  const byCode = new Map<number, { name: string; since: KmipVersion; until: KmipVersion | undefined }>();
  for (const [name, [code, since, until]] of Object.entries(table)) {
    byCode.set(code, { name, since, until });
  }
  return {
    nameOf: (code) => byCode.get(code)?.name,
    codeOf: (name) => table[name]?.[0],
    has(code, version) {
      const entry = byCode.get(code);
      return entry !== undefined && entry.since <= version && version <= (entry.until ?? version);
    },
    since: (code) => byCode.get(code)?.since,
    size: byCode.size,
  };
}
