import { operationsOf } from "../contract/operation";
import {
  discoverRequest,
  discoverResponse,
  keyManagerProviderPage,
  permissionReport,
  rootKeysRequest,
  rootKeysResponse,
  validateRequest,
} from "./schemas";

const operation = operationsOf({ resource: "key-managers", tag: "Key managers" });

export const listKeyManagers = operation({
  id: "listKeyManagers",
  summary: "Kinds of key managers, and what each needs",
  method: "GET",
  path: "/key-managers",
  role: "viewer",
  response: keyManagerProviderPage,
});

export const discoverKeyManagers = operation({
  id: "discoverKeyManagers",
  summary: "Key manager instances that an API key can see",
  method: "POST",
  path: "/key-managers/discover",
  role: "operator",
  audit: "vmware-solutions.key-manager.discover",
  body: discoverRequest,
  readOnly: true,
  response: discoverResponse,
});

export const listRootKeys = operation({
  id: "listRootKeys",
  summary: "Root keys of a key manager instance",
  method: "POST",
  path: "/key-managers/root-keys",
  role: "operator",
  audit: "vmware-solutions.root-key.list",
  body: rootKeysRequest,
  readOnly: true,
  response: rootKeysResponse,
});

export const validateKeyManager = operation({
  id: "validateKeyManager",
  summary: "Permission report for an API key, key manager instance and CRK",
  method: "POST",
  path: "/key-managers/validate",
  role: "operator",
  audit: "vmware-solutions.permission-check.run",
  body: validateRequest,
  readOnly: true,
  response: permissionReport,
});
