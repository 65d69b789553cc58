import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { listAuditEvents } from "../audit-events/operations";
import { getInstance, listInstances, listPermissionChecks } from "../instances/operations";
import { getKek, listKeks } from "../keks/operations";
import { query, queryKey, resourceKey } from "./query";

const INSTANCE = "0198c0de-0000-7000-8000-000000000001";
const OTHER = "0198c0de-0000-7000-8000-000000000002";

/** Which of the queries a filter stands for. */
function matched(filter: readonly unknown[], keys: readonly (readonly unknown[])[]): boolean[] {
  const client = new QueryClient();
  for (const key of keys) {
    client.setQueryData(key, {});
  }
  void client.invalidateQueries({ queryKey: filter });

  return keys.map((key) => client.getQueryState(key)?.isInvalidated === true);
}

describe("query keys", () => {
  it("are the same for what is not set, however it is not set", () => {
    expect(queryKey(listInstances, { search: "", status: undefined })).toEqual(queryKey(listInstances));
    expect(query(listKeks, { id: INSTANCE, search: "x" }).queryKey).toEqual(
      queryKey(listKeks, { id: INSTANCE, search: "x" }),
    );
  });

  it("stand for all queries of an operation that ask for the same among other things", () => {
    const lists = [queryKey(listInstances), queryKey(listInstances, { search: "x", limit: 8 })];
    const others = [queryKey(getInstance, { id: INSTANCE }), queryKey(listKeks, { id: INSTANCE })];
    expect(matched(queryKey(listInstances), [...lists, ...others])).toEqual([true, true, false, false]);

    const mine = queryKey(listPermissionChecks, { id: INSTANCE, limit: 10 });
    const theirs = queryKey(listPermissionChecks, { id: OTHER, limit: 10 });
    expect(matched(queryKey(listPermissionChecks, { id: INSTANCE }), [mine, theirs])).toEqual([true, false]);
  });

  it("begin with the resource and whose it is", () => {
    const keys = [
      queryKey(listKeks, { id: INSTANCE, limit: 20 }),
      queryKey(getKek, { id: INSTANCE, uniqueIdentifier: "a" }),
      queryKey(listKeks, { id: OTHER, limit: 20 }),
      queryKey(listAuditEvents, { instanceId: INSTANCE }),
    ];
    expect(matched(resourceKey(listKeks, { id: INSTANCE }), keys)).toEqual([true, true, false, false]);
    expect(matched(resourceKey(listKeks), keys)).toEqual([true, true, true, false]);
  });
});
