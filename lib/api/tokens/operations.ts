import { pageQuery } from "../contract/common";
import { operationsOf } from "../contract/operation";
import { apiTokenPage, createApiTokenRequest, createApiTokenResponse } from "./schemas";

const operation = operationsOf({ resource: "tokens", tag: "Account" });

export const listTokens = operation({
  id: "listTokens",
  summary: "API tokens of the account, newest first",
  method: "GET",
  path: "/tokens",
  role: "administrator",
  query: pageQuery,
  response: apiTokenPage,
});

export const createToken = operation({
  id: "createToken",
  summary: "Make an API token; its value is in this answer and never again",
  method: "POST",
  path: "/tokens",
  role: "administrator",
  audit: "vmware-solutions.token.create",
  body: createApiTokenRequest,
  secretResponse: ["token"],
  status: 201,
  response: createApiTokenResponse,
});

export const revokeToken = operation({
  id: "revokeToken",
  summary: "Revoke an API token",
  method: "DELETE",
  path: "/tokens/{tokenId}",
  role: "administrator",
  audit: "vmware-solutions.token.delete",
});
