import { AppError } from "@/lib/core/errors";

/** Largest body of the API. Fifty certificates with chains fit. */
const MAX_BODY_BYTES = 256 * 1024;

function tooLarge(): AppError {
  return new AppError("BODY_TOO_LARGE", `A body has at most ${MAX_BODY_BYTES} bytes.`);
}

function malformed(detail: string): AppError {
  return new AppError("MALFORMED_BODY", detail);
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) {
    throw tooLarge();
  }

  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    length += value.byteLength;
    if (length > MAX_BODY_BYTES) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }

  return Buffer.concat(chunks);
}

/** PostgreSQL stores neither NUL nor half surrogates, and nothing of ours has a use for them. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && !/\p{Cs}/u.test(text);
}

/**
 * Refuses text that cannot be stored, anywhere in a value. Without recursion: the nesting is the sender's choice.
 * @throws AppError VALIDATION_FAILED
 */
export function requireStorableText(root: unknown): void {
  const pending: unknown[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value === "string" && !isStorable(value)) {
      throw new AppError("VALIDATION_FAILED", "Text holds a NUL character or half a surrogate pair.");
    }
    if (typeof value === "object" && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        pending.push(name, member ?? "");
      }
    }
  }
}

/** True for a request without a body (RFC 9112 section 6.3) that does not claim to have one. */
export function hasNoBody(headers: Headers): boolean {
  return (
    !headers.has("content-type") &&
    !headers.has("transfer-encoding") &&
    (headers.get("content-length") ?? "0") === "0"
  );
}

/**
 * Reads a JSON body.
 * @returns the value, and the bytes as they came (for the fingerprint of an idempotent request)
 * @throws AppError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_BODY, VALIDATION_FAILED
 */
export async function readJsonBody(request: Request): Promise<{ value: unknown; bytes: Uint8Array }> {
  const [mediaType = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (mediaType.trim().toLowerCase() !== "application/json") {
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.");
  }

  const bytes = await readBytes(request);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's message would repeat a part of the body, which may be a secret.
    throw malformed("The body is not JSON in UTF-8.");
  }
  requireStorableText(value);

  return { value, bytes };
}
