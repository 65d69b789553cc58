import { defineOperation } from "../contract/operation";
import {
  discoverRequest,
  discoverResponse,
  keyManagerProviderPage,
  permissionReport,
  rootKeysRequest,
  rootKeysResponse,
  validateRequest,
} from "./schemas";

const tag = "Key managers";

export const listKeyManagers = defineOperation({
  id: "listKeyManagers",
  tag,
  summary: "Kinds of key managers, and what each needs",
  method: "GET",
  path: "/key-managers",
  role: "viewer",
  status: 200,
  response: keyManagerProviderPage,
});

export const discoverKeyManagers = defineOperation({
  id: "discoverKeyManagers",
  tag,
  summary: "Key manager instances that an API key can see",
  method: "POST",
  path: "/key-managers/discover",
  role: "operator",
  body: discoverRequest,
  readOnly: true,
  status: 200,
  response: discoverResponse,
});

export const listRootKeys = defineOperation({
  id: "listRootKeys",
  tag,
  summary: "Root keys of a key manager instance",
  method: "POST",
  path: "/key-managers/root-keys",
  role: "operator",
  body: rootKeysRequest,
  readOnly: true,
  status: 200,
  response: rootKeysResponse,
});

export const validateKeyManager = defineOperation({
  id: "validateKeyManager",
  tag,
  summary: "Permission report for an API key, key manager instance and CRK",
  method: "POST",
  path: "/key-managers/validate",
  role: "operator",
  body: validateRequest,
  readOnly: true,
  status: 200,
  response: permissionReport,
});
