import { pageQuery } from "../contract/common";
import { operationsOf } from "../contract/operation";
import { rootKeysQuery, rootKeysResponse } from "../key-managers/schemas";
import {
  activateInstanceRequest,
  connectionReport,
  createInstanceRequest,
  deleteInstanceRequest,
  instance,
  instanceImpact,
  instancePage,
  instanceQuery,
  permissionCheck,
  permissionCheckPage,
  restoreInstanceRequest,
  rewrapStatus,
  updateInstanceRequest,
} from "./schemas";

const operation = operationsOf({ resource: "instances", tag: "Instances" });

export const listInstances = operation({
  id: "listInstances",
  summary: "Instances of the account, by name or status",
  method: "GET",
  path: "/instances",
  role: "viewer",
  audit: "vmware-solutions.service.read",
  query: instanceQuery,
  response: instancePage,
});

export const createInstance = operation({
  id: "createInstance",
  summary: "Order an instance; with a key manager it is activated at once",
  method: "POST",
  path: "/instances",
  role: "administrator",
  audit: "vmware-solutions.service.create",
  body: createInstanceRequest,
  status: 202,
  response: instance,
});

export const getInstance = operation({
  id: "getInstance",
  summary: "One instance with endpoints, key manager, CRK and counts",
  method: "GET",
  path: "/instances/{id}",
  role: "viewer",
  audit: "vmware-solutions.service.read",
  response: instance,
});

export const updateInstance = operation({
  id: "updateInstance",
  summary: "Change the name, API key, cache policy, KMIP policy or CRK",
  method: "PATCH",
  path: "/instances/{id}",
  role: "administrator",
  audit: "vmware-solutions.service.update",
  body: updateInstanceRequest,
  response: instance,
});

export const deleteInstance = operation({
  id: "deleteInstance",
  summary: "Delete an instance; for 30 days it can be restored, unless destroyKeks deletes its KEKs for good",
  method: "DELETE",
  path: "/instances/{id}",
  role: "administrator",
  audit: "vmware-solutions.service.delete",
  body: deleteInstanceRequest,
});

export const getInstanceImpact = operation({
  id: "getInstanceImpact",
  summary: "What deleting this instance breaks: KEKs by serving state, last use, who was connected",
  method: "GET",
  path: "/instances/{id}/impact",
  role: "viewer",
  audit: "vmware-solutions.service.read",
  response: instanceImpact,
});

export const restoreInstance = operation({
  id: "restoreInstance",
  summary: "Undo a deletion: the same instance with its KEKs, certificates and settings",
  method: "POST",
  path: "/instances/{id}/restore",
  role: "administrator",
  audit: "vmware-solutions.service.restore",
  body: restoreInstanceRequest,
  response: instance,
});

export const activateInstance = operation({
  id: "activateInstance",
  summary: "Connect an ordered instance to its key manager",
  method: "POST",
  path: "/instances/{id}/activate",
  role: "administrator",
  audit: "vmware-solutions.service.activate",
  body: activateInstanceRequest,
  status: 202,
  response: instance,
});

export const listPermissionChecks = operation({
  id: "listPermissionChecks",
  summary: "Permission reports of an instance, newest first",
  method: "GET",
  path: "/instances/{id}/permission-checks",
  role: "viewer",
  query: pageQuery,
  response: permissionCheckPage,
});

export const runPermissionCheck = operation({
  id: "runPermissionCheck",
  summary: "Check the permissions of an instance now",
  method: "POST",
  path: "/instances/{id}/permission-checks",
  role: "operator",
  audit: "vmware-solutions.permission-check.run",
  status: 201,
  response: permissionCheck,
});

export const getRewrap = operation({
  id: "getRewrap",
  summary: "KEKs by the version of the root key that wraps them, and how far their move to the latest is",
  method: "GET",
  path: "/instances/{id}/rewrap",
  role: "viewer",
  audit: "vmware-solutions.service.read",
  response: rewrapStatus,
});

export const listInstanceRootKeys = operation({
  id: "listInstanceRootKeys",
  summary: "Root keys that the instance's key manager has: what its CRK can be changed to",
  method: "GET",
  path: "/instances/{id}/root-keys",
  role: "operator",
  audit: "vmware-solutions.root-key.list",
  query: rootKeysQuery,
  response: rootKeysResponse,
});

export const rotateRootKey = operation({
  id: "rotateRootKey",
  summary: "Make a new version of the root key in the key manager; the KEKs follow in the background",
  method: "POST",
  path: "/instances/{id}/rotate-root-key",
  role: "administrator",
  audit: "vmware-solutions.root-key.rotate",
  status: 202,
  response: rewrapStatus,
});

export const runConnectionTest = operation({
  id: "runConnectionTest",
  summary: "Connect to every endpoint as a client of the instance does, and report what was found",
  method: "POST",
  path: "/instances/{id}/connection-tests",
  role: "operator",
  audit: "vmware-solutions.connection-test.run",
  response: connectionReport,
});
