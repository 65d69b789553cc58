/** What a search of a store finds, decided in memory. */
import type { IndexTerm, ManagedObject, ObjectQuery } from "../ports";

/** True if an object with these search terms is a match. */
export function matchesQuery(
  object: ManagedObject,
  terms: readonly IndexTerm[],
  { states, objectType, createdFrom, createdTo, terms: asked }: ObjectQuery,
): boolean {
  if (states !== undefined && !states.includes(object.state)) {
    return false;
  }
  if (objectType !== undefined && objectType !== object.objectType) {
    return false;
  }
  if (createdFrom !== undefined && object.createdAt < createdFrom) {
    return false;
  }
  if (createdTo !== undefined && object.createdAt > createdTo) {
    return false;
  }
  return asked.every(({ name, value }) => terms.some((term) => term.name === name && term.value === value));
}

/** The order of a search's answer. */
export function newestFirst(a: ManagedObject, b: ManagedObject): number {
  const age = b.createdAt.getTime() - a.createdAt.getTime();
  if (age !== 0) {
    return age;
  }
  return a.uniqueIdentifier < b.uniqueIdentifier ? 1 : -1;
}
