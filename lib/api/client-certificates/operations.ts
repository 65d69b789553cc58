import { z } from "zod";
import { id, pageQuery } from "../contract/common";
import { defineOperation } from "../contract/operation";
import {
  clientCertificate,
  clientCertificatePage,
  createCertificateRequest,
  previewRequest,
  previewResponse,
  signCertificateRequest,
  updateCertificateRequest,
} from "./schemas";

const tag = "Client certificates";
const instanceParams = z.object({ id });
const certificateParams = z.object({ id, certificateId: id });

export const previewClientCertificates = defineOperation({
  id: "previewClientCertificates",
  tag,
  summary: "Parse certificates and say what is wrong with them; nothing is stored",
  method: "POST",
  path: "/client-certificates/preview",
  role: "operator",
  body: previewRequest,
  readOnly: true,
  status: 200,
  response: previewResponse,
});

export const listClientCertificates = defineOperation({
  id: "listClientCertificates",
  tag,
  summary: "Client certificates of an instance, newest first",
  method: "GET",
  path: "/instances/{id}/client-certificates",
  role: "viewer",
  params: instanceParams,
  query: pageQuery,
  status: 200,
  response: clientCertificatePage,
});

export const createClientCertificate = defineOperation({
  id: "createClientCertificate",
  tag,
  summary: "Pin a client certificate to an instance",
  method: "POST",
  path: "/instances/{id}/client-certificates",
  role: "operator",
  params: instanceParams,
  body: createCertificateRequest,
  status: 201,
  response: clientCertificate,
});

export const signClientCertificate = defineOperation({
  id: "signClientCertificate",
  tag,
  summary: "Sign a CSR with the deployment's authority and pin the certificate",
  method: "POST",
  path: "/instances/{id}/client-certificates/sign",
  role: "operator",
  params: instanceParams,
  body: signCertificateRequest,
  status: 201,
  response: clientCertificate,
});

export const getClientCertificate = defineOperation({
  id: "getClientCertificate",
  tag,
  summary: "One client certificate, with when and where it was last seen",
  method: "GET",
  path: "/instances/{id}/client-certificates/{certificateId}",
  role: "viewer",
  params: certificateParams,
  status: 200,
  response: clientCertificate,
});

export const updateClientCertificate = defineOperation({
  id: "updateClientCertificate",
  tag,
  summary: "Rename a client certificate",
  method: "PATCH",
  path: "/instances/{id}/client-certificates/{certificateId}",
  role: "operator",
  params: certificateParams,
  body: updateCertificateRequest,
  status: 200,
  response: clientCertificate,
});

export const deleteClientCertificate = defineOperation({
  id: "deleteClientCertificate",
  tag,
  summary: "Remove a client certificate; its open connections are closed on every endpoint",
  method: "DELETE",
  path: "/instances/{id}/client-certificates/{certificateId}",
  role: "operator",
  params: certificateParams,
  status: 204,
});
