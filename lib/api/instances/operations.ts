import { z } from "zod";
import { id, pageQuery } from "../contract/common";
import { defineOperation } from "../contract/operation";
import { rootKeysQuery, rootKeysResponse } from "../key-managers/schemas";
import {
  activateInstanceRequest,
  connectionReport,
  createInstanceRequest,
  deleteInstanceRequest,
  instance,
  instancePage,
  instanceQuery,
  permissionCheck,
  permissionCheckPage,
  rewrapStatus,
  updateInstanceRequest,
} from "./schemas";

const tag = "Instances";
const instanceParams = z.object({ id });

export const listInstances = defineOperation({
  id: "listInstances",
  tag,
  summary: "Instances of the account, by name or status",
  method: "GET",
  path: "/instances",
  role: "viewer",
  query: instanceQuery,
  status: 200,
  response: instancePage,
});

export const createInstance = defineOperation({
  id: "createInstance",
  tag,
  summary: "Order an instance; with a key manager it is activated at once",
  method: "POST",
  path: "/instances",
  role: "administrator",
  body: createInstanceRequest,
  status: 202,
  response: instance,
});

export const getInstance = defineOperation({
  id: "getInstance",
  tag,
  summary: "One instance with endpoints, key manager, CRK and counts",
  method: "GET",
  path: "/instances/{id}",
  role: "viewer",
  params: instanceParams,
  status: 200,
  response: instance,
});

export const updateInstance = defineOperation({
  id: "updateInstance",
  tag,
  summary: "Change the name, API key, cache policy, KMIP policy or CRK",
  method: "PATCH",
  path: "/instances/{id}",
  role: "administrator",
  params: instanceParams,
  body: updateInstanceRequest,
  status: 200,
  response: instance,
});

export const deleteInstance = defineOperation({
  id: "deleteInstance",
  tag,
  summary: "Delete an instance; KEKs stay in the key manager unless destroyKeks",
  method: "DELETE",
  path: "/instances/{id}",
  role: "administrator",
  params: instanceParams,
  body: deleteInstanceRequest,
  status: 204,
});

export const activateInstance = defineOperation({
  id: "activateInstance",
  tag,
  summary: "Connect an ordered instance to its key manager",
  method: "POST",
  path: "/instances/{id}/activate",
  role: "administrator",
  params: instanceParams,
  body: activateInstanceRequest,
  status: 202,
  response: instance,
});

export const listPermissionChecks = defineOperation({
  id: "listPermissionChecks",
  tag,
  summary: "Permission reports of an instance, newest first",
  method: "GET",
  path: "/instances/{id}/permission-checks",
  role: "viewer",
  params: instanceParams,
  query: pageQuery,
  status: 200,
  response: permissionCheckPage,
});

export const runPermissionCheck = defineOperation({
  id: "runPermissionCheck",
  tag,
  summary: "Check the permissions of an instance now",
  method: "POST",
  path: "/instances/{id}/permission-checks",
  role: "operator",
  params: instanceParams,
  status: 201,
  response: permissionCheck,
});

export const getRewrap = defineOperation({
  id: "getRewrap",
  tag,
  summary: "KEKs by the version of the root key that wraps them, and how far their move to the latest is",
  method: "GET",
  path: "/instances/{id}/rewrap",
  role: "viewer",
  params: instanceParams,
  status: 200,
  response: rewrapStatus,
});

export const listInstanceRootKeys = defineOperation({
  id: "listInstanceRootKeys",
  tag,
  summary: "Root keys that the instance's key manager has: what its CRK can be changed to",
  method: "GET",
  path: "/instances/{id}/root-keys",
  role: "operator",
  params: instanceParams,
  query: rootKeysQuery,
  status: 200,
  response: rootKeysResponse,
});

export const rotateRootKey = defineOperation({
  id: "rotateRootKey",
  tag,
  summary: "Make a new version of the root key in the key manager; the KEKs follow in the background",
  method: "POST",
  path: "/instances/{id}/rotate-root-key",
  role: "administrator",
  params: instanceParams,
  status: 202,
  response: rewrapStatus,
});

export const runConnectionTest = defineOperation({
  id: "runConnectionTest",
  tag,
  summary: "Connect to every endpoint as a client of the instance does, and report what was found",
  method: "POST",
  path: "/instances/{id}/connection-tests",
  role: "operator",
  params: instanceParams,
  status: 200,
  response: connectionReport,
});
