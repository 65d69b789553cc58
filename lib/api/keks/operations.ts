import { z } from "zod";
import { operationsOf } from "../contract/operation";
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

const operation = operationsOf(
  { resource: "keks", tag: "KEKs" },
  { uniqueIdentifier: z.string().min(1).max(200) },
);

export const listKeks = operation({
  id: "listKeks",
  summary: "KEKs of an instance: metadata, state, last use",
  method: "GET",
  path: "/instances/{id}/keks",
  role: "viewer",
  audit: "vmware-solutions.kmip-key.read",
  query: kekQuery,
  response: kekPage,
});

export const getKek = operation({
  id: "getKek",
  summary: "One KEK with its attributes and dates",
  method: "GET",
  path: "/instances/{id}/keks/{uniqueIdentifier}",
  role: "viewer",
  audit: "vmware-solutions.kmip-key.read",
  response: kekWithEvents,
});

export const getKekImpact = operation({
  id: "getKekImpact",
  summary: "What breaks when this KEK is no longer served",
  method: "GET",
  path: "/instances/{id}/keks/{uniqueIdentifier}/impact",
  role: "viewer",
  audit: "vmware-solutions.kmip-key.read",
  response: kekImpact,
});

export const revokeKek = operation({
  id: "revokeKek",
  summary: "Revoke a KEK: no endpoint serves it from now on",
  method: "POST",
  path: "/instances/{id}/keks/{uniqueIdentifier}/revoke",
  role: "operator",
  audit: "vmware-solutions.kmip-key.revoke",
  body: revokeKekRequest,
  response: kekDetail,
});

export const restoreKekService = operation({
  id: "restoreKekService",
  summary: "Serve a KEK again that the console had blocked",
  method: "POST",
  path: "/instances/{id}/keks/{uniqueIdentifier}/restore-service",
  role: "administrator",
  audit: "vmware-solutions.kmip-key.restore",
  response: kekDetail,
});

export const destroyKek = operation({
  id: "destroyKek",
  summary: "Destroy a KEK: its standard key is deleted in the key manager",
  method: "POST",
  path: "/instances/{id}/keks/{uniqueIdentifier}/destroy",
  role: "administrator",
  audit: "vmware-solutions.kmip-key.destroy",
  body: destroyKekRequest,
  response: kekDetail,
});

export const bulkRevokeKeks = operation({
  id: "bulkRevokeKeks",
  summary: "Revoke up to 100 KEKs; the answer has one result for each",
  method: "POST",
  path: "/instances/{id}/keks/bulk-revoke",
  role: "administrator",
  audit: "vmware-solutions.kmip-key.revoke",
  body: bulkRevokeRequest,
  response: bulkRevokeResponse,
});
