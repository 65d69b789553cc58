/**
 * SQLSTATE classes and system errors of a database that is out of reach, starting, going down, or too busy for a
 * statement that should have taken no time (57014: it was cancelled by its time limit; 55P03: it got no lock in time).
 */
const UNREACHABLE_CODES =
  /^(08...|53300|57P0[1235]|57014|55P03|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|P1001|P1002|P1008|P1017|P2024|P2028)$/;
const UNREACHABLE_WORDS = /timeout exceeded when trying to connect|Connection terminated|not queryable/;
/** Errors are told by others, who are told by others. */
const MAX_DEPTH = 8;

/** What an error says of its own reason: as errors do, and as Prisma does of what its adapter was told. */
function reasonsOf(error: object): unknown[] {
  const { cause, meta } = error as { cause?: unknown; meta?: { driverAdapterError?: unknown } };

  return [cause, meta?.driverAdapterError];
}

function says(error: object): boolean {
  const { code, originalCode, message } = error as {
    code?: unknown;
    originalCode?: unknown;
    message?: unknown;
  };

  return (
    [code, originalCode].some((each) => typeof each === "string" && UNREACHABLE_CODES.test(each)) ||
    (typeof message === "string" && UNREACHABLE_WORDS.test(message))
  );
}

/** True when an error comes of a database that does not answer, or not in time, whoever wrapped it. */
export function isOutage(error: unknown, depth = 0): boolean {
  if (typeof error !== "object" || error === null || depth > MAX_DEPTH) {
    return false;
  }

  return says(error) || reasonsOf(error).some((reason) => isOutage(reason, depth + 1));
}
