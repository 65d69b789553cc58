/** The operations that the engine carries out. */
import { activate } from "./activate";
import { addAttribute } from "./add-attribute";
import { create } from "./create";
import { deleteAttribute } from "./delete-attribute";
import { destroy } from "./destroy";
import { discoverVersions } from "./discover-versions";
import { get } from "./get";
import { getAttributeList } from "./get-attribute-list";
import { getAttributes } from "./get-attributes";
import { locate } from "./locate";
import { modifyAttribute } from "./modify-attribute";
import type { OperationDefinition, OperationRegistry } from "./operation";
import { query } from "./query";
import { register } from "./register";
import { revoke } from "./revoke";

const ALL: readonly OperationDefinition[] = [
  create,
  register,
  locate,
  get,
  getAttributes,
  getAttributeList,
  addAttribute,
  modifyAttribute,
  deleteAttribute,
  activate,
  revoke,
  destroy,
  query,
  discoverVersions,
];

export const OPERATION_REGISTRY: OperationRegistry = new Map(
  ALL.map((operation) => [operation.code, operation]),
);
