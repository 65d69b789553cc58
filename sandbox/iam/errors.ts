import { type Trouble, troubleStatus } from "../http/app";
import { headerOf, ResponseError, type SandboxRequest, type SandboxResponse } from "../http/types";

/** A refusal of the token endpoint: `{errorCode, errorMessage, context}`. */
export function tokenError(
  request: SandboxRequest,
  status: number,
  errorCode: string,
  errorMessage: string,
): ResponseError {
  return new ResponseError(errorCode, {
    status,
    body: {
      errorCode,
      errorMessage,
      context: {
        requestId: request.correlationId,
        requestType: "incoming.Identity_Token",
        userAgent: headerOf(request, "user-agent") ?? "",
        url: `/${request.segments.join("/")}`,
        clusterName: "sandbox",
        locale: "en_US",
      },
    },
  });
}

const messages: Record<Trouble, string> = {
  "not-found": "There is nothing at this path.",
  "method-not-allowed": "This path does not support this method.",
  "too-large": "The request body is too large.",
  internal: "The sandbox failed to handle the request; its log says more.",
};

function body(status: number, code: string, message: string): SandboxResponse {
  return { status, body: { errors: [{ code, message }], status_code: status } };
}

/** A refusal of the identity, policy and access group endpoints: `{errors:[{code, message}], status_code}`. */
export function iamError(status: number, code: string, message: string): ResponseError {
  return new ResponseError(code, body(status, code, message));
}

/** A refusal that no handler gives, in the form of the path that it is for. */
export function iamFault(request: SandboxRequest, status: number, code = "service_fault"): SandboxResponse {
  const message = "The request could not be handled.";
  const isToken = request.segments[1] === "token";

  return (isToken ? tokenError(request, status, code, message) : iamError(status, code, message)).response;
}

/** The answer of IAM when a request does not reach a handler or a handler breaks. */
export function iamTrouble(trouble: Trouble): SandboxResponse {
  return body(troubleStatus[trouble], trouble.replaceAll("-", "_"), messages[trouble]);
}
