import { z } from "zod";
import { id, pageQuery } from "../contract/common";
import { defineOperation } from "../contract/operation";
import {
  apiTokenPage,
  createApiTokenRequest,
  createApiTokenResponse,
  createMemberRequest,
  endpointPage,
  me,
  member,
  memberPage,
  updateMemberRequest,
} from "./schemas";

export const getMe = defineOperation({
  id: "getMe",
  tag: "Account",
  summary: "The user or token of this call, its account and role",
  method: "GET",
  path: "/me",
  role: "viewer",
  status: 200,
  response: me,
});

export const listEndpoints = defineOperation({
  id: "listEndpoints",
  tag: "Endpoints",
  summary: "KMIP endpoints: zone, version, health, connections, failed handshakes",
  method: "GET",
  path: "/endpoints",
  role: "viewer",
  status: 200,
  response: endpointPage,
});

export const listMembers = defineOperation({
  id: "listMembers",
  tag: "Account",
  summary: "People of the account and their roles",
  method: "GET",
  path: "/members",
  role: "administrator",
  query: pageQuery,
  status: 200,
  response: memberPage,
});

export const createMember = defineOperation({
  id: "createMember",
  tag: "Account",
  summary: "Add a person to the account",
  method: "POST",
  path: "/members",
  role: "administrator",
  body: createMemberRequest,
  status: 201,
  response: member,
});

export const updateMember = defineOperation({
  id: "updateMember",
  tag: "Account",
  summary: "Change a person's role",
  method: "PATCH",
  path: "/members/{userId}",
  role: "administrator",
  params: z.object({ userId: id }),
  body: updateMemberRequest,
  status: 200,
  response: member,
});

export const deleteMember = defineOperation({
  id: "deleteMember",
  tag: "Account",
  summary: "Remove a person from the account; their sessions end",
  method: "DELETE",
  path: "/members/{userId}",
  role: "administrator",
  params: z.object({ userId: id }),
  status: 204,
});

export const listTokens = defineOperation({
  id: "listTokens",
  tag: "Account",
  summary: "API tokens of the account, newest first",
  method: "GET",
  path: "/tokens",
  role: "administrator",
  query: pageQuery,
  status: 200,
  response: apiTokenPage,
});

export const createToken = defineOperation({
  id: "createToken",
  tag: "Account",
  summary: "Make an API token; its value is in this answer and never again",
  method: "POST",
  path: "/tokens",
  role: "administrator",
  body: createApiTokenRequest,
  secretResponse: true,
  status: 201,
  response: createApiTokenResponse,
});

export const revokeToken = defineOperation({
  id: "revokeToken",
  tag: "Account",
  summary: "Revoke an API token",
  method: "DELETE",
  path: "/tokens/{tokenId}",
  role: "administrator",
  params: z.object({ tokenId: id }),
  status: 204,
});
