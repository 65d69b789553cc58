/** The operations that the engine carries out. */
import { activate } from "./activate";
import { addAttribute } from "./add-attribute";
import { adjustAttribute } from "./adjust-attribute";
import { archive } from "./archive";
import { check } from "./check";
import { create } from "./create";
import { decrypt } from "./decrypt";
import { deleteAttribute } from "./delete-attribute";
import { destroy } from "./destroy";
import { discoverVersions } from "./discover-versions";
import { encrypt } from "./encrypt";
import { exportObject } from "./export";
import { get } from "./get";
import { getAttributeList } from "./get-attribute-list";
import { getAttributes } from "./get-attributes";
import { getUsageAllocation } from "./get-usage-allocation";
import { hash } from "./hash";
import { importObject } from "./import";
import { interop } from "./interop";
import { locate } from "./locate";
import { log } from "./log";
import { mac } from "./mac";
import { macVerify } from "./mac-verify";
import { modifyAttribute } from "./modify-attribute";
import { obtainLease } from "./obtain-lease";
import type { OperationDefinition, OperationRegistry } from "./operation";
import { ping } from "./ping";
import { query } from "./query";
import { reKey } from "./re-key";
import { recover } from "./recover";
import { register } from "./register";
import { revoke } from "./revoke";
import { rngRetrieve } from "./rng-retrieve";
import { rngSeed } from "./rng-seed";
import { setAttribute } from "./set-attribute";
import { setEndpointRole } from "./set-endpoint-role";

const ALL: readonly OperationDefinition[] = [
  create,
  register,
  reKey,
  locate,
  check,
  get,
  getAttributes,
  getAttributeList,
  addAttribute,
  modifyAttribute,
  deleteAttribute,
  obtainLease,
  getUsageAllocation,
  activate,
  revoke,
  destroy,
  archive,
  recover,
  query,
  encrypt,
  decrypt,
  mac,
  macVerify,
  rngRetrieve,
  rngSeed,
  hash,
  discoverVersions,
  exportObject,
  importObject,
  log,
  adjustAttribute,
  setAttribute,
  setEndpointRole,
  ping,
];

const registryOf = (operations: readonly OperationDefinition[]): OperationRegistry =>
  new Map(operations.map((operation) => [operation.code, operation]));

export const OPERATION_REGISTRY = registryOf(ALL);

/** For test runs. */
export const INTEROP_REGISTRY = registryOf([...ALL, interop]);
