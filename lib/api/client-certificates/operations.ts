import { pageQuery } from "../contract/common";
import { operationsOf } from "../contract/operation";
import {
  accountCertificatePage,
  accountCertificateQuery,
  clientCertificate,
  clientCertificatePage,
  createCertificateRequest,
  previewRequest,
  previewResponse,
  signCertificateRequest,
  updateCertificateRequest,
} from "./schemas";

const operation = operationsOf({ resource: "client-certificates", tag: "Client certificates" });

export const previewClientCertificates = operation({
  id: "previewClientCertificates",
  summary: "Parse certificates and say what is wrong with them; nothing is stored",
  method: "POST",
  path: "/client-certificates/preview",
  role: "operator",
  body: previewRequest,
  readOnly: true,
  response: previewResponse,
});

export const listAccountCertificates = operation({
  id: "listAccountCertificates",
  summary: "Client certificates of all instances, those that end first come first",
  method: "GET",
  path: "/client-certificates",
  role: "viewer",
  query: accountCertificateQuery,
  response: accountCertificatePage,
});

export const listClientCertificates = operation({
  id: "listClientCertificates",
  summary: "Client certificates of an instance, newest first",
  method: "GET",
  path: "/instances/{id}/client-certificates",
  role: "viewer",
  query: pageQuery,
  response: clientCertificatePage,
});

export const createClientCertificate = operation({
  id: "createClientCertificate",
  summary: "Pin a client certificate to an instance",
  method: "POST",
  path: "/instances/{id}/client-certificates",
  role: "operator",
  audit: "vmware-solutions.kmip-certificate.create",
  body: createCertificateRequest,
  status: 201,
  response: clientCertificate,
});

export const signClientCertificate = operation({
  id: "signClientCertificate",
  summary: "Sign a CSR with the deployment's authority and pin the certificate",
  method: "POST",
  path: "/instances/{id}/client-certificates/sign",
  role: "operator",
  audit: "vmware-solutions.kmip-certificate.sign",
  body: signCertificateRequest,
  status: 201,
  response: clientCertificate,
});

export const getClientCertificate = operation({
  id: "getClientCertificate",
  summary: "One client certificate, with when and where it was last seen",
  method: "GET",
  path: "/instances/{id}/client-certificates/{certificateId}",
  role: "viewer",
  response: clientCertificate,
});

export const updateClientCertificate = operation({
  id: "updateClientCertificate",
  summary: "Rename a client certificate",
  method: "PATCH",
  path: "/instances/{id}/client-certificates/{certificateId}",
  role: "operator",
  audit: "vmware-solutions.kmip-certificate.update",
  body: updateCertificateRequest,
  response: clientCertificate,
});

export const deleteClientCertificate = operation({
  id: "deleteClientCertificate",
  summary: "Remove a client certificate; its open connections are closed on every endpoint",
  method: "DELETE",
  path: "/instances/{id}/client-certificates/{certificateId}",
  role: "operator",
  audit: "vmware-solutions.kmip-certificate.delete",
});
