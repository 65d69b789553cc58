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
  KmipVersion.V2_1,
  KmipVersion.V2_0,
  KmipVersion.V1_4,
  KmipVersion.V1_3,
  KmipVersion.V1_2,
  KmipVersion.V1_1,
  KmipVersion.V1_0,
];

export const NEWEST_VERSION: KmipVersion = KmipVersion.V2_1;

/**
 * The version to speak with a client that could not be understood. Of the first major version, which is what vCenter
 * and most others read, and whose header clients of the second can read as well.
 */
export const FALLBACK_VERSION: KmipVersion = KmipVersion.V1_4;

/** True for the versions with Attributes, Attribute References and the finer Result Reasons. */
export const isSecondMajor = (version: KmipVersion): boolean => version >= KmipVersion.V2_0;

/** 2 of 2.1. */
export const majorOf = (version: KmipVersion): number => Math.trunc(version / 10);
/** 1 of 2.1. */
export const minorOf = (version: KmipVersion): number => version % 10;

/** "1.1" for 11. */
export function formatVersion(version: KmipVersion): string {
  return `${majorOf(version)}.${minorOf(version)}`;
}

/** The version to refuse a major version in that is not supported: the nearest one. */
export const nearestVersion = (major: number): KmipVersion =>
  major > majorOf(NEWEST_VERSION) ? NEWEST_VERSION : FALLBACK_VERSION;

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
    if (majorOf(version) !== major) {
      continue;
    }
    if (minorOf(version) === minor) {
      return { version, newer: false };
    }
    newest ??= version;
  }
  return newest === null || minor < 0 ? null : { version: newest, newer: true };
}
