/** Clauses of the specification that no other file is about, each by its number in KMIP 1.4. */
import { describe, expect, it } from "vitest";
import { requests } from "@/lib/kmip/client";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import { Objects, on } from "./payloads";

describe("the ID Placeholder (4)", () => {
  it("is set by Recover", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    await objects.ok(on(Operation.Archive, identifier));
    const { items } = await objects.send("1.0", [on(Operation.Recover, identifier), requests.get()]);
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, null]);
    const again = await objects.send("1.0", [on(Operation.Recover, identifier), requests.get()]);
    expect(again.items.map(({ resultReason }) => resultReason)).toEqual([null, null]);
  });
});
