import type { SandboxContext } from "../context";
import type { Service } from "../http/app";
import { compileRoutes, type Route } from "../http/router";
import { headerOf, type SandboxRequest, type SandboxResponse } from "../http/types";
import type { TokenIssuer } from "../iam/token-issuer";
import type { ResourceInstanceRecord } from "../store/model";
import { performAction } from "./actions";
import { createAlias, deleteAlias } from "./aliases";
import type { KmsCall } from "./call";
import { kmsError, kmsFault, kmsTrouble, unauthorized } from "./errors";
import { createImportToken, getImportToken } from "./import-tokens";
import { getAllowedIpPort, getInstancePolicies, putInstancePolicies } from "./instance-policies";
import { countKeys, listKeys } from "./key-list";
import { getKeyPolicies, putKeyPolicies } from "./key-policies";
import {
  createKey,
  createKeyWithPolicies,
  deleteKey,
  getKey,
  getKeyMetadata,
  listKeyVersions,
  patchKey,
  purgeKey,
  restoreKey,
} from "./keys";
import {
  createKmipAdapter,
  createKmipCertificate,
  deleteKmipAdapter,
  deleteKmipCertificate,
  deleteKmipObject,
  getKmipAdapter,
  getKmipCertificate,
  getKmipObject,
  listKmipAdapters,
  listKmipCertificates,
  listKmipObjects,
} from "./kmip-adapters";
import { listKeyRegistrations, listRegistrations, refuseRegistration } from "./registrations";
import { createKeyRing, deleteKeyRing, listKeyRings } from "./rings";

/** Segments before the API's own path: `/key-protect/<region>/api/v2` or `/hpcs/<guid>/api/v2`. */
const BASE_SEGMENTS = 4;

/**
 * The instance that the `Bluemix-Instance` header names, if it is served under this base path. One of another
 * region or service, or one that does not exist, is refused as one without access: 401.
 */
function requireInstance(context: SandboxContext, request: SandboxRequest): ResourceInstanceRecord {
  const guid = headerOf(request, "bluemix-instance");
  if (guid === undefined) {
    throw kmsError("INVALID_FIELD_ERR", {
      message: "The header `Bluemix-Instance` is required.",
      target: { type: "header", name: "Bluemix-Instance" },
    });
  }
  const [service, place] = request.segments;
  const instance = context.store.get("resource-instance", guid.toLowerCase());
  const expected =
    service === "key-protect"
      ? instance?.serviceName === "kms" && instance.region === place
      : instance?.serviceName === "hs-crypto" && instance.guid === place;
  if (!instance || !expected) {
    throw unauthorized();
  }

  return instance;
}

function kmsRoute(
  issuer: TokenIssuer,
  method: string,
  pattern: string,
  handler: (call: KmsCall) => SandboxResponse | Promise<SandboxResponse>,
): Route<SandboxContext> {
  return {
    method,
    pattern,
    handler: async (context, request, parameters) => {
      const caller = await issuer.authenticate(request, context.clock.now());
      if (caller === "malformed") {
        throw kmsError("BEARER_SUB_EXTRACTION_ERR");
      }
      if (typeof caller === "string") {
        throw unauthorized();
      }
      const instance = requireInstance(context, request);

      return handler({
        context,
        request,
        caller,
        instance,
        parameters,
        keyRing: headerOf(request, "x-kms-key-ring"),
      });
    },
  };
}

/**
 * Key Protect and HPCS: the same API, version 2, for every instance. Handlers are synchronous once the caller is
 * known, so that what they check still holds when they change it. (The one that makes an import token waits for its
 * key pair, and checks nothing after it.)
 */
export function kmsService(issuer: TokenIssuer): Service {
  const route = (
    method: string,
    pattern: string,
    handler: (call: KmsCall) => SandboxResponse | Promise<SandboxResponse>,
  ): Route<SandboxContext> => kmsRoute(issuer, method, pattern, handler);
  const findRoute = compileRoutes<SandboxContext>([
    route("GET", "/keys", listKeys),
    route("HEAD", "/keys", countKeys),
    route("POST", "/keys", createKey),
    route("POST", "/keys_with_policy_overrides", createKeyWithPolicies),
    route("GET", "/keys/registrations", listRegistrations),
    route("GET", "/keys/:id", getKey),
    route("POST", "/keys/:id", performAction),
    route("PATCH", "/keys/:id", patchKey),
    route("DELETE", "/keys/:id", deleteKey),
    route("GET", "/keys/:id/metadata", getKeyMetadata),
    route("POST", "/keys/:id/restore", restoreKey),
    route("DELETE", "/keys/:id/purge", purgeKey),
    route("GET", "/keys/:id/versions", listKeyVersions),
    route("POST", "/keys/:id/actions/:action", performAction),
    route("POST", "/keys/:id/aliases/:alias", createAlias),
    route("DELETE", "/keys/:id/aliases/:alias", deleteAlias),
    route("GET", "/keys/:id/policies", getKeyPolicies),
    route("PUT", "/keys/:id/policies", putKeyPolicies),
    route("GET", "/keys/:id/registrations", listKeyRegistrations),
    route("POST", "/keys/:id/registrations/:crn", refuseRegistration),
    route("GET", "/key_rings", listKeyRings),
    route("POST", "/key_rings/:id", createKeyRing),
    route("DELETE", "/key_rings/:id", deleteKeyRing),
    route("GET", "/instance/policies", getInstancePolicies),
    route("PUT", "/instance/policies", putInstancePolicies),
    route("GET", "/instance/allowed_ip_port", getAllowedIpPort),
    route("GET", "/kmip_adapters", listKmipAdapters),
    route("POST", "/kmip_adapters", createKmipAdapter),
    route("GET", "/kmip_adapters/:adapter", getKmipAdapter),
    route("DELETE", "/kmip_adapters/:adapter", deleteKmipAdapter),
    route("GET", "/kmip_adapters/:adapter/certificates", listKmipCertificates),
    route("POST", "/kmip_adapters/:adapter/certificates", createKmipCertificate),
    route("GET", "/kmip_adapters/:adapter/certificates/:certificate", getKmipCertificate),
    route("DELETE", "/kmip_adapters/:adapter/certificates/:certificate", deleteKmipCertificate),
    route("GET", "/kmip_adapters/:adapter/kmip_objects", listKmipObjects),
    route("GET", "/kmip_adapters/:adapter/kmip_objects/:object", getKmipObject),
    route("DELETE", "/kmip_adapters/:adapter/kmip_objects/:object", deleteKmipObject),
    route("POST", "/import_token", createImportToken),
    route("GET", "/import_token", getImportToken),
  ]);

  return {
    name: "key-manager",
    owns: ([service]) => service === "key-protect" || service === "hpcs",
    find: (method, segments) =>
      segments[2] === "api" && segments[3] === "v2"
        ? findRoute(method, segments.slice(BASE_SEGMENTS))
        : { found: "nothing" },
    trouble: kmsTrouble,
    fault: (_request, status, code) => kmsFault(status, code),
  };
}
