/**
 * Typed client of the REST API for the browser. One method a call; each throws ApiError with the problem
 * document. Runs in the browser only: it relies on the session cookie and on same-origin requests.
 */

import type { Problem } from "./contract/common";
import {
  type BodyInputOf,
  type Operation,
  operationPath,
  operationQuery,
  type QueryInputOf,
  type ResponseOf,
} from "./contract/operation";
import * as operations from "./operations";

export const API_ROOT = "/api/v1";
/** Longer than any read takes that will ever be answered. */
const READ_TIMEOUT_MS = 30_000;

/** A call that did not succeed, with the server's problem document (or one made here when there was no answer). */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options?: { cause?: unknown }) {
    super(problem.detail, options);
    this.name = "ApiError";
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }

  /** HTTP status; 0 when the server was not reached. */
  get status(): number {
    return this.problem.status;
  }
}

export type CallOptions = {
  readonly signal?: AbortSignal;
  /** Makes a write safe to repeat: the same key and request are carried out once. */
  readonly idempotencyKey?: string;
};

function localProblem(code: string, status: number, detail: string): Problem {
  return { type: "about:blank", title: detail, status, code, detail, requestId: "" };
}

function problemOf(response: Response, text: string): Problem {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    return JSON.parse(text) as Problem;
  }

  return localProblem("INTERNAL", response.status, `The server answered with status ${response.status}.`);
}

type Input = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
};

async function call<O extends Operation>(
  operation: O,
  { params, query, body }: Input,
  { signal, idempotencyKey }: CallOptions = {},
): Promise<ResponseOf<O>> {
  const headers = new Headers({ accept: "application/json, application/problem+json" });
  if (body !== undefined) {
    headers.set("content-type", "application/json");
  }
  if (idempotencyKey !== undefined) {
    headers.set("idempotency-key", idempotencyKey);
  }

  // A server that hangs is a server that is away. Writes are waited for: giving up would not undo them.
  const limits = operation.method === "GET" ? [AbortSignal.timeout(READ_TIMEOUT_MS)] : [];
  const signals = [...(signal === undefined ? [] : [signal]), ...limits];

  let response: Response;
  let text: string;
  try {
    response = await fetch(`${API_ROOT}${operationPath(operation, params)}${operationQuery(query)}`, {
      method: operation.method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
    });
    text = await response.text();
  } catch (error) {
    // An aborted query is no failure: react-query has to see the AbortError itself.
    if (signal?.aborted) {
      throw error;
    }
    throw new ApiError(localProblem("UNREACHABLE", 0, "The server could not be reached."), { cause: error });
  }

  if (!response.ok) {
    throw new ApiError(problemOf(response, text));
  }

  return (response.status === 204 ? undefined : JSON.parse(text)) as ResponseOf<O>;
}

type Query<O extends Operation> = QueryInputOf<O>;
type Body<O extends Operation> = BodyInputOf<O>;
type Ops = typeof operations;

/** Every call of the REST API. */
export const api = {
  me: {
    get: (options?: CallOptions) => call(operations.getMe, {}, options),
  },
  keyManagers: {
    discover: (body: Body<Ops["discoverKeyManagers"]>, options?: CallOptions) =>
      call(operations.discoverKeyManagers, { body }, options),
    rootKeys: (body: Body<Ops["listRootKeys"]>, options?: CallOptions) =>
      call(operations.listRootKeys, { body }, options),
    validate: (body: Body<Ops["validateKeyManager"]>, options?: CallOptions) =>
      call(operations.validateKeyManager, { body }, options),
  },
  instances: {
    list: (query: Query<Ops["listInstances"]> = {}, options?: CallOptions) =>
      call(operations.listInstances, { query }, options),
    get: (id: string, options?: CallOptions) => call(operations.getInstance, { params: { id } }, options),
    create: (body: Body<Ops["createInstance"]>, options?: CallOptions) =>
      call(operations.createInstance, { body }, options),
    update: (id: string, body: Body<Ops["updateInstance"]>, options?: CallOptions) =>
      call(operations.updateInstance, { params: { id }, body }, options),
    remove: (id: string, body: Body<Ops["deleteInstance"]>, options?: CallOptions) =>
      call(operations.deleteInstance, { params: { id }, body }, options),
    rewrap: (id: string, options?: CallOptions) => call(operations.getRewrap, { params: { id } }, options),
    rootKeys: (id: string, query: Query<Ops["listInstanceRootKeys"]> = {}, options?: CallOptions) =>
      call(operations.listInstanceRootKeys, { params: { id }, query }, options),
    rotateRootKey: (id: string, options?: CallOptions) =>
      call(operations.rotateRootKey, { params: { id } }, options),
    activate: (id: string, body: Body<Ops["activateInstance"]>, options?: CallOptions) =>
      call(operations.activateInstance, { params: { id }, body }, options),
  },
  permissionChecks: {
    list: (id: string, query: Query<Ops["listPermissionChecks"]> = {}, options?: CallOptions) =>
      call(operations.listPermissionChecks, { params: { id }, query }, options),
    run: (id: string, options?: CallOptions) =>
      call(operations.runPermissionCheck, { params: { id } }, options),
  },
  connectionTests: {
    run: (id: string, options?: CallOptions) =>
      call(operations.runConnectionTest, { params: { id } }, options),
  },
  clientCertificates: {
    preview: (body: Body<Ops["previewClientCertificates"]>, options?: CallOptions) =>
      call(operations.previewClientCertificates, { body }, options),
    list: (id: string, query: Query<Ops["listClientCertificates"]> = {}, options?: CallOptions) =>
      call(operations.listClientCertificates, { params: { id }, query }, options),
    get: (id: string, certificateId: string, options?: CallOptions) =>
      call(operations.getClientCertificate, { params: { id, certificateId } }, options),
    create: (id: string, body: Body<Ops["createClientCertificate"]>, options?: CallOptions) =>
      call(operations.createClientCertificate, { params: { id }, body }, options),
    sign: (id: string, body: Body<Ops["signClientCertificate"]>, options?: CallOptions) =>
      call(operations.signClientCertificate, { params: { id }, body }, options),
    update: (
      id: string,
      certificateId: string,
      body: Body<Ops["updateClientCertificate"]>,
      options?: CallOptions,
    ) => call(operations.updateClientCertificate, { params: { id, certificateId }, body }, options),
    remove: (id: string, certificateId: string, options?: CallOptions) =>
      call(operations.deleteClientCertificate, { params: { id, certificateId } }, options),
  },
  keks: {
    list: (id: string, query: Query<Ops["listKeks"]> = {}, options?: CallOptions) =>
      call(operations.listKeks, { params: { id }, query }, options),
    get: (id: string, uniqueIdentifier: string, options?: CallOptions) =>
      call(operations.getKek, { params: { id, uniqueIdentifier } }, options),
    impact: (id: string, uniqueIdentifier: string, options?: CallOptions) =>
      call(operations.getKekImpact, { params: { id, uniqueIdentifier } }, options),
    revoke: (id: string, uniqueIdentifier: string, body: Body<Ops["revokeKek"]>, options?: CallOptions) =>
      call(operations.revokeKek, { params: { id, uniqueIdentifier }, body }, options),
    restoreService: (id: string, uniqueIdentifier: string, options?: CallOptions) =>
      call(operations.restoreKekService, { params: { id, uniqueIdentifier } }, options),
    destroy: (id: string, uniqueIdentifier: string, body: Body<Ops["destroyKek"]>, options?: CallOptions) =>
      call(operations.destroyKek, { params: { id, uniqueIdentifier }, body }, options),
    bulkRevoke: (id: string, body: Body<Ops["bulkRevokeKeks"]>, options?: CallOptions) =>
      call(operations.bulkRevokeKeks, { params: { id }, body }, options),
  },
  auditEvents: {
    list: (query: Query<Ops["listAuditEvents"]> = {}, options?: CallOptions) =>
      call(operations.listAuditEvents, { query }, options),
    histogram: (query: Query<Ops["getAuditHistogram"]> = {}, options?: CallOptions) =>
      call(operations.getAuditHistogram, { query }, options),
    verify: (options?: CallOptions) => call(operations.verifyAuditEvents, {}, options),
    /** For a link with `download`: the browser streams the file to disk. */
    exportUrl: (query: Query<Ops["exportAuditEvents"]> = {}): string =>
      `${API_ROOT}${operationPath(operations.exportAuditEvents)}${operationQuery(query)}`,
    /** For `new EventSource(url)`: events named `audit` carry an AuditEvent as JSON. */
    streamUrl: (query: Query<Ops["streamAuditEvents"]> = {}): string =>
      `${API_ROOT}${operationPath(operations.streamAuditEvents)}${operationQuery(query)}`,
  },
  endpoints: {
    list: (options?: CallOptions) => call(operations.listEndpoints, {}, options),
  },
  members: {
    list: (query: Query<Ops["listMembers"]> = {}, options?: CallOptions) =>
      call(operations.listMembers, { query }, options),
    create: (body: Body<Ops["createMember"]>, options?: CallOptions) =>
      call(operations.createMember, { body }, options),
    update: (userId: string, body: Body<Ops["updateMember"]>, options?: CallOptions) =>
      call(operations.updateMember, { params: { userId }, body }, options),
    remove: (userId: string, options?: CallOptions) =>
      call(operations.deleteMember, { params: { userId } }, options),
  },
  tokens: {
    list: (query: Query<Ops["listTokens"]> = {}, options?: CallOptions) =>
      call(operations.listTokens, { query }, options),
    create: (body: Body<Ops["createToken"]>, options?: CallOptions) =>
      call(operations.createToken, { body }, options),
    revoke: (tokenId: string, options?: CallOptions) =>
      call(operations.revokeToken, { params: { tokenId } }, options),
  },
};
