import { z } from "zod";
import { id } from "../contract/common";
import { defineOperation } from "../contract/operation";
import {
  bulkRevokeRequest,
  bulkRevokeResponse,
  destroyKekRequest,
  kekDetail,
  kekImpact,
  kekPage,
  kekQuery,
  kekWithEvents,
  revokeKekRequest,
} from "./schemas";

const tag = "KEKs";
const instanceParams = z.object({ id });
const kekParams = z.object({ id, uniqueIdentifier: z.string().min(1).max(200) });

export const listKeks = defineOperation({
  id: "listKeks",
  tag,
  summary: "KEKs of an instance: metadata, state, last use",
  method: "GET",
  path: "/instances/{id}/keks",
  role: "viewer",
  params: instanceParams,
  query: kekQuery,
  status: 200,
  response: kekPage,
});

export const getKek = defineOperation({
  id: "getKek",
  tag,
  summary: "One KEK with its attributes and dates",
  method: "GET",
  path: "/instances/{id}/keks/{uniqueIdentifier}",
  role: "viewer",
  params: kekParams,
  status: 200,
  response: kekWithEvents,
});

export const getKekImpact = defineOperation({
  id: "getKekImpact",
  tag,
  summary: "What breaks when this KEK is no longer served",
  method: "GET",
  path: "/instances/{id}/keks/{uniqueIdentifier}/impact",
  role: "viewer",
  params: kekParams,
  status: 200,
  response: kekImpact,
});

export const revokeKek = defineOperation({
  id: "revokeKek",
  tag,
  summary: "Revoke a KEK: no endpoint serves it from now on",
  method: "POST",
  path: "/instances/{id}/keks/{uniqueIdentifier}/revoke",
  role: "operator",
  params: kekParams,
  body: revokeKekRequest,
  status: 200,
  response: kekDetail,
});

export const restoreKekService = defineOperation({
  id: "restoreKekService",
  tag,
  summary: "Serve a KEK again that the console had blocked",
  method: "POST",
  path: "/instances/{id}/keks/{uniqueIdentifier}/restore-service",
  role: "administrator",
  params: kekParams,
  status: 200,
  response: kekDetail,
});

export const destroyKek = defineOperation({
  id: "destroyKek",
  tag,
  summary: "Destroy a KEK: its standard key is deleted in the key manager",
  method: "POST",
  path: "/instances/{id}/keks/{uniqueIdentifier}/destroy",
  role: "administrator",
  params: kekParams,
  body: destroyKekRequest,
  status: 200,
  response: kekDetail,
});

export const bulkRevokeKeks = defineOperation({
  id: "bulkRevokeKeks",
  tag,
  summary: "Revoke up to 100 KEKs; the answer has one result for each",
  method: "POST",
  path: "/instances/{id}/keks/bulk-revoke",
  role: "administrator",
  params: instanceParams,
  body: bulkRevokeRequest,
  status: 200,
  response: bulkRevokeResponse,
});
