/**
 * Protocol versions (KMIP 6.1), as numbers that compare: major × 10 + minor.
 */
export const KmipVersion = {
  V1_0: 10,
  V1_1: 11,
  V1_2: 12,
  V1_3: 13,
  V1_4: 14,
  V2_0: 20,
  V2_1: 21,
} as const;

export type KmipVersion = (typeof KmipVersion)[keyof typeof KmipVersion];

/** What the engine answers in, most preferred first (the order of Discover Versions, 4.26). */
export const SUPPORTED_VERSIONS: readonly KmipVersion[] = [
  KmipVersion.V1_4,
  KmipVersion.V1_3,
  KmipVersion.V1_2,
  KmipVersion.V1_1,
  KmipVersion.V1_0,
];

/** Answers the version to speak with a client that could not be understood. */
export const NEWEST_VERSION: KmipVersion = KmipVersion.V1_4;

export const majorOf = (version: KmipVersion): number => Math.trunc(version / 10);
export const minorOf = (version: KmipVersion): number => version % 10;

/** "1.1" for 11. */
export function formatVersion(version: KmipVersion): string {
  return `${majorOf(version)}.${minorOf(version)}`;
}

/**
 * The version to answer in, and whether the client's own is newer than it.
 *
 * The same major with a higher minor is served in the newest minor known, unknown fields being ignored; another
 * major is a mismatch (11.1).
 *
 * @returns null for a major version that is not supported
 */
export function negotiate(major: number, minor: number): { version: KmipVersion; newer: boolean } | null {
  let newest: KmipVersion | null = null;
  for (const version of SUPPORTED_VERSIONS) {
    if (majorOf(version) !== major) continue;
    if (minorOf(version) === minor) return { version, newer: false };
    newest ??= version;
  }
  return newest === null || minor < 0 ? null : { version: newest, newer: true };
}
