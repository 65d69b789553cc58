import { format, stripVTControlCharacters } from "node:util";
import pino from "pino";
import { env } from "@/lib/env";

/**
 * Names of fields that never reach a log, at the top of a record and one or two levels down. The list is a net
 * under code that logs by field, not a licence to log whole objects.
 */
const SECRET_FIELDS = [
  "apiKey",
  "apikey",
  "api_key",
  "apiKeySealed",
  "authorization",
  "Authorization",
  "cookie",
  "Cookie",
  "set-cookie",
  "iam-apikey",
  "IAM-ApiKey",
  "password",
  "passwordHash",
  "token",
  "tokenHash",
  "accessToken",
  "access_token",
  "refreshToken",
  "refresh_token",
  "secret",
  "clientSecret",
  "privateKey",
  "privateKeySealed",
  "key",
  "keyPem",
  "pem",
  "csrPem",
  "plaintext",
  "material",
  "payload",
  "ciphertext",
  "masterKey",
  "databaseUrl",
  "DATABASE_URL",
  "ADMIN_PASSWORD",
] as const;

/** Paths for pino's redaction. */
const REDACT_PATHS: string[] = SECRET_FIELDS.flatMap((field) =>
  ["", "*.", "*.*."].map((prefix) =>
    field.includes("-") ? `${prefix.replace(/\.$/, "")}["${field}"]` : `${prefix}${field}`,
  ),
);

/**
 * A JSON logger of this process, on stdout.
 * @param name process, e.g. `kmip`
 * @param fields on every line, e.g. `{zone: 1}`
 */
export function createLogger(
  name: string,
  fields: { [field: string]: string | number } = {},
  destination?: pino.DestinationStream,
): pino.Logger {
  const options: pino.LoggerOptions = {
    name,
    level: env().LOG_LEVEL,
    base: { pid: process.pid, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACT_PATHS, censor: "[redacted]" },
    serializers: { err: describeError, error: describeError },
  };

  return destination ? pino(options, destination) : pino(options);
}

const CONSOLE_LEVELS = {
  debug: "debug",
  log: "info",
  info: "info",
  warn: "warn",
  error: "error",
  trace: "error",
} as const;

/**
 * Writes what libraries print (Next does) through a logger: whoever reads the logs gets JSON on every line, and
 * neither objects nor the members of errors, which may hold bodies.
 * @param target whose methods are replaced; the process's console
 */
export function captureConsole(logger: pino.Logger, target: Console = console): void {
  for (const [method, level] of Object.entries(CONSOLE_LEVELS)) {
    target[method as keyof typeof CONSOLE_LEVELS] = (...parts: unknown[]) => {
      const error = parts.find((part) => part instanceof Error);
      // Objects are left out: nobody has looked at what they hold.
      const words = parts
        .filter((part) => !(part instanceof Error))
        .map((part) => (typeof part === "object" && part !== null ? "[object]" : part));

      logger[level](
        error === undefined ? {} : { err: error },
        stripVTControlCharacters(format(...words)) || "error",
      );
    };
  }
}

/**
 * What a log says of an error: type, message, code, stack and cause, and the digest by which Next's error pages name
 * it; never its other members, which may hold bodies.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) {
    return { message: String(error) };
  }

  const { code, digest } = error as { code?: unknown; digest?: unknown };

  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof digest === "string" ? { digest } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
