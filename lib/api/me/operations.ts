import { operationsOf } from "../contract/operation";
import { me } from "./schemas";

const operation = operationsOf({ resource: "me", tag: "Account" });

export const getMe = operation({
  id: "getMe",
  summary: "The user or token of this call, its account and role",
  method: "GET",
  path: "/me",
  role: "viewer",
  response: me,
});
