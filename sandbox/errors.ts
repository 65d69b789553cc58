/** Why the sandbox could not start or could not be read; stable, for messages and tests. */
export type SandboxErrorCode =
  | "EADDRINUSE"
  | "SANDBOX_DATA_DIR_LOCKED"
  | "SANDBOX_DATA_DIR_UNUSABLE"
  | "SANDBOX_MASTER_KEY_INVALID"
  | "SANDBOX_MASTER_KEY_MISSING"
  | "SANDBOX_NOT_SEEDED"
  | "SANDBOX_PORT_UNUSABLE"
  | "SANDBOX_STORE_CORRUPT"
  | "SANDBOX_STORE_FAILED";

/**
 * An error that an operator has to act upon. The message names the folder or port and what to do; it never
 * holds key material.
 */
export class SandboxError extends Error {
  readonly code: SandboxErrorCode;

  constructor(code: SandboxErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "SandboxError";
    this.code = code;
  }
}

/** The `code` of a Node.js system error such as `ENOENT`, or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

/** What a control was asked for is not there. */
export class NoSuchRecordError extends Error {}
