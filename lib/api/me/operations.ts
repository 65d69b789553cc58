import { pageQuery } from "../contract/common";
import { operationsOf } from "../contract/operation";
import { changePasswordRequest, me, sessionPage, updateMeRequest } from "./schemas";

const operation = operationsOf({ resource: "me", tag: "Account" });
const sessionOperation = operationsOf({ resource: "sessions", tag: "Account" });

export const getMe = operation({
  id: "getMe",
  summary: "The user or token of this call, its account and role",
  method: "GET",
  path: "/me",
  role: "viewer",
  beforePasswordChange: true,
  response: me,
});

export const updateMe = operation({
  id: "updateMe",
  summary: "Choose the account that this session works in",
  method: "PATCH",
  path: "/me",
  role: "viewer",
  audit: "vmware-solutions.session.update",
  body: updateMeRequest,
  response: me,
});

export const changePassword = operation({
  id: "changePassword",
  summary: "Change the own password; other sessions end",
  method: "POST",
  path: "/me/password",
  role: "viewer",
  audit: "vmware-solutions.password.update",
  beforePasswordChange: true,
  body: changePasswordRequest,
});

export const listSessions = sessionOperation({
  id: "listSessions",
  summary: "The own sessions, newest first; a token has none",
  method: "GET",
  path: "/me/sessions",
  role: "viewer",
  beforePasswordChange: true,
  query: pageQuery,
  response: sessionPage,
});

export const deleteOtherSessions = sessionOperation({
  id: "deleteOtherSessions",
  summary: "End all own sessions but this one",
  method: "DELETE",
  path: "/me/sessions",
  role: "viewer",
  beforePasswordChange: true,
  audit: "vmware-solutions.session.delete",
});

export const deleteSession = sessionOperation({
  id: "deleteSession",
  summary: "End an own session",
  method: "DELETE",
  path: "/me/sessions/{sessionId}",
  role: "viewer",
  beforePasswordChange: true,
  audit: "vmware-solutions.session.delete",
});
