/** What stands between the handlers and those who call them: routes over HTTP, and pages in this process. */
import type { z } from "zod";
import type { Authenticated, RequestFacts } from "@/lib/auth";
import type { Actor } from "@/lib/core/actor";
import type { ConsoleAction } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import type { Session } from "@/lib/core/users";
import { requireStorableText } from "../read-body";
import type { BodyOf, Operation, ParamsOf, QueryOf, ResponseOf } from "./operation";

/** What a handler gets: everything parsed, and who asks. */
type HandlerInput<O extends Operation> = {
  readonly actor: Actor;
  readonly authenticated: Authenticated;
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Asks again whether the caller may still call: for answers that last. */
  readonly stillAllowed: () => Promise<boolean>;
};

/** What the handler of an open operation gets. */
type OpenInput<O extends Operation> = Pick<HandlerInput<O>, "params" | "query" | "body" | "signal"> & {
  readonly facts: RequestFacts;
  /** Who is signed in, in an account or in none; null for nobody. */
  readonly session: Session | null;
};

/** What any handler gets, while it is not known which operation's it is. */
export type AnyInput = (
  | Pick<HandlerInput<Operation>, "actor" | "authenticated" | "signal" | "stillAllowed">
  | Pick<OpenInput<Operation>, "facts" | "session" | "signal">
) & {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
};

/** Values that are `T` once they are written as JSON: dates become RFC 3339 text, and nothing is changed any more. */
export type Unwritten<T> = T extends readonly (infer Item)[]
  ? readonly Unwritten<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Unwritten<T[Key]> }
    : string extends T
      ? T | Date
      : T;

/** What a handler answers: for a 204 whatever it likes, which stays here. */
type ResultOf<O extends Operation> = O extends { readonly streams: readonly string[] }
  ? Response
  : [ResponseOf<O>] extends [undefined]
    ? unknown
    : Unwritten<ResponseOf<O>>;

type Handler<O extends Operation> = (
  input: O extends { readonly open: true } ? OpenInput<O> : HandlerInput<O>,
) => ResultOf<O> | Promise<ResultOf<O>>;

/** One handler for each of a room's operations. */
export type Handlers<Operations> = {
  readonly [Id in keyof Operations]: Operations[Id] extends Operation ? Handler<Operations[Id]> : never;
};

/** An operation whose audit action, if it names one, is known to lib/core. */
export type AuditedOperation = Operation & { readonly audit?: ConsoleAction };

/** A time of a request as lib/core takes it. */
export function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

const nothingHere = () => new AppError("NOT_FOUND", "There is nothing here.");

/** Path parameters; one that cannot be right names nothing that exists. @throws AppError NOT_FOUND */
export function parseParams<O extends Operation>(operation: O, given: unknown): ParamsOf<O> {
  const result = operation.params?.safeParse(given);
  if (result?.success === false) {
    throw nothingHere();
  }
  try {
    requireStorableText(result?.data);
  } catch {
    throw nothingHere();
  }

  return (result?.data ?? {}) as ParamsOf<O>;
}

/** A query string by the operation's schema. @throws ZodError, AppError VALIDATION_FAILED */
export function parseQuery<O extends Operation>(operation: O, search: URLSearchParams): QueryOf<O> {
  if (operation.query === undefined) {
    return {} as QueryOf<O>;
  }

  // An empty field of a form is one that was not filled in.
  const query = Object.fromEntries([...search].filter(([, value]) => value !== ""));
  requireStorableText(query);

  return operation.query.parse(query) as QueryOf<O>;
}

function issuesOf(error: z.ZodError): unknown {
  return error.issues.slice(0, 10).map(({ path, code }) => ({ path: path.map(String).join("."), code }));
}

/**
 * The answer as JSON, reduced to what the schema names: a field that was not meant to leave does not.
 * @throws Error for an answer that does not fit
 */
export function toJson<O extends Operation>(operation: O, result: unknown): ResponseOf<O> {
  if (operation.response === undefined) {
    return undefined as ResponseOf<O>;
  }

  const json: unknown = JSON.parse(JSON.stringify(result));
  const checked = operation.response.safeParse(json);
  if (checked.success) {
    return checked.data as ResponseOf<O>;
  }

  // It may hold what was never meant to leave: nobody gets it.
  throw new Error(
    `The answer of ${operation.id} does not fit its schema: ${JSON.stringify(issuesOf(checked.error))}`,
  );
}
