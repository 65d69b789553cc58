import { z } from "zod";
import { id, type Role } from "./common";

/** Where the API stands below the console's address. */
export const API_ROOT = "/api/v1";

/**
 * One call of the REST API. Routes, the typed client, query keys, prefetching, metrics, audit actions and the OpenAPI
 * document are all made from these objects, so they cannot drift apart.
 */
export type Operation = {
  /** OpenAPI operationId, and the name in code. */
  readonly id: string;
  /** The room of lib/api that it stands in; query keys begin with it. */
  readonly resource: string;
  readonly tag: string;
  readonly summary: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below /api/v1, with `{name}` for path parameters; `params` follows from it. */
  readonly path: `/${string}`;
  /** The smallest role that may call it. */
  readonly role: Role;
  /**
   * Audit action of its refusals and failures; of one that lib/core knows (checked where the handlers are). Successes
   * are recorded by lib/core, which also serves the command line. Every write names one.
   */
  readonly audit?: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A POST that only reads or checks: it takes no Idempotency-Key. */
  readonly readOnly?: boolean;
  /** Members of the answer that are shown once: repeated with its Idempotency-Key, the answer has null in their place. */
  readonly secretResponse?: readonly string[];
  /** Anybody may call: what the path holds is what lets them in. Who is signed in is told to the handler. */
  readonly open?: true;
  /** Also for somebody who has to change their password before they may do anything. */
  readonly beforePasswordChange?: true;
  readonly status: 200 | 201 | 202 | 204;
  /** Absent for 204 and for streams. */
  readonly response?: z.ZodType;
  /** Media types of an answer that is no JSON document. */
  readonly streams?: readonly string[];
};

type Room = Pick<Operation, "resource" | "tag">;
type Status = { readonly status: Operation["status"] };
/** An operation as its room writes it down. Without a status it is 200, and 204 where there is no answer. */
type Draft = Omit<Operation, keyof Room | keyof Status | "params"> & Partial<Status>;

type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type Params<Path extends string> = [Names<Path>] extends [never]
  ? unknown
  : { readonly params: z.ZodObject<Record<Names<Path>, z.ZodType<string>>> };

/**
 * Defines the operations of a room, each with its literal types.
 * @param room what they share
 * @param schemas of path parameters that are no ids of ours
 */
export function operationsOf<const R extends Room>(room: R, schemas: Record<string, z.ZodType<string>> = {}) {
  return <const O extends Draft>(operation: O): R & Status & O & Params<O["path"]> => {
    const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const status = operation.response === undefined && operation.streams === undefined ? 204 : 200;
    const whole = { status, ...room, ...operation };
    const params = z.object(Object.fromEntries(names.map((name) => [name, schemas[name] ?? id])));

    return (names.length === 0 ? whole : { ...whole, params }) as R & Status & O & Params<O["path"]>;
  };
}

type Schema<O, Name extends "params" | "query" | "body" | "response"> =
  O extends Record<Name, infer S extends z.ZodType> ? S : never;
type Nothing = Readonly<Record<never, never>>;

/** Path parameters, as strings. */
export type ParamsOf<O extends Operation> = z.output<Schema<O, "params">>;
/** Query as a handler gets it: parsed, defaults filled in. */
export type QueryOf<O extends Operation> = z.output<Schema<O, "query">>;
/** Body as a handler gets it. */
export type BodyOf<O extends Operation> = z.output<Schema<O, "body">>;
/** The answer's JSON; undefined for 204. */
export type ResponseOf<O extends Operation> = [Schema<O, "response">] extends [never]
  ? undefined
  : z.output<Schema<O, "response">>;

/** Path parameters and query as a caller gives them, in one object: of the query all optional, numbers as numbers. */
export type ValuesOf<O extends Operation> = ([Schema<O, "params">] extends [never]
  ? Nothing
  : Readonly<ParamsOf<O>>) &
  ([Schema<O, "query">] extends [never]
    ? Nothing
    : { readonly [Key in keyof QueryOf<O>]?: QueryOf<O>[Key] | undefined });
/** What a caller gives: the values of path and query, and the body. */
export type InputOf<O extends Operation> = ValuesOf<O> &
  ([Schema<O, "body">] extends [never] ? Nothing : { readonly body: z.input<Schema<O, "body">> });

/** True for what changes something: it takes an Idempotency-Key, and its failures are audited. */
export function isWrite(operation: Operation): boolean {
  return operation.method !== "GET" && operation.readOnly !== true;
}

/** A list that is read page by page. */
export type ListOperation = Operation & {
  readonly query: { readonly shape: { readonly cursor: z.ZodType } };
};

export function isList(operation: Operation): operation is ListOperation {
  return operation.query !== undefined && "cursor" in operation.query.shape;
}

type Values = Readonly<Record<string, unknown>>;

/** What of the values is set: `{search: undefined}`, `{search: ""}` and `{}` ask for the same. */
export function setValues(values: Values): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );
}

/** Path and query of a call below `API_ROOT`, percent-encoded. */
export function operationUrl(operation: Operation, values: Values): string {
  const { ...query } = setValues(values);
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(query[name] ?? "");
    delete query[name];

    return encodeURIComponent(value);
  });
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();

  return search === "" ? path : `${path}?${search}`;
}
