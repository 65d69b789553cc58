import type { z } from "zod";
import type { Role } from "../account/schemas";

/**
 * One call of the REST API. Route handlers, the typed client and the OpenAPI document are all made from
 * these objects, so they cannot drift apart.
 */
export type Operation = {
  /** OpenAPI operationId, and the name in code. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below /api/v1, with `{name}` for path parameters. */
  readonly path: `/${string}`;
  /** The smallest role that may call it. */
  readonly role: Role;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A POST that only reads or checks: it takes no Idempotency-Key. */
  readonly readOnly?: boolean;
  /** The answer holds a secret that is shown once: it is not kept for replays. */
  readonly secretResponse?: boolean;
  readonly status: 200 | 201 | 202 | 204;
  /** Absent for 204 and for streams. */
  readonly response?: z.ZodType;
  /** Media types of an answer that is no JSON document. */
  readonly streams?: readonly string[];
};

/** Keeps the literal types of an operation. */
export function defineOperation<const O extends Operation>(operation: O): O {
  return operation;
}

type Schema<O, Name extends "params" | "query" | "body" | "response"> =
  O extends Record<Name, infer S extends z.ZodType> ? S : never;

/** Path parameters, as strings. */
export type ParamsOf<O extends Operation> = z.output<Schema<O, "params">>;
/** Query as a handler gets it: parsed, defaults filled in. */
export type QueryOf<O extends Operation> = z.output<Schema<O, "query">>;
/** Query as a caller gives it: everything optional, numbers as numbers. */
export type QueryInputOf<O extends Operation> = {
  readonly [Key in keyof QueryOf<O>]?: QueryOf<O>[Key] | undefined;
};
/** Body as a caller gives it. */
export type BodyInputOf<O extends Operation> = z.input<Schema<O, "body">>;
/** Body as a handler gets it. */
export type BodyOf<O extends Operation> = z.output<Schema<O, "body">>;
/** The answer's JSON; undefined for 204. */
export type ResponseOf<O extends Operation> = [Schema<O, "response">] extends [never]
  ? undefined
  : z.output<Schema<O, "response">>;

/** The path below /api/v1 with its parameters filled in, each percent-encoded. */
export function operationPath(operation: Operation, params: Readonly<Record<string, string>> = {}): string {
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}

/** The query string of a call, with its question mark; empty when nothing is set. */
export function operationQuery(query: Readonly<Record<string, unknown>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") {
      search.set(name, String(value));
    }
  }
  const text = search.toString();

  return text === "" ? "" : `?${text}`;
}
