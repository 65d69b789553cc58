import { describe, expect, test } from "vitest";
import { auditFilters, auditQueryOf, loadAuditFilters } from "./filters";

const ANCHOR = "2026-03-03T10:00:42.000Z";

describe("auditQueryOf", () => {
  test("a relative range starts at the anchor's minute", async () => {
    const filters = await loadAuditFilters({ range: "1h" });
    expect(auditQueryOf(filters, ANCHOR)).toMatchObject({ from: "2026-03-03T09:00:00.000Z", to: undefined });
    expect(auditQueryOf(filters, "2026-03-03T10:00:01Z").from).toBe(auditQueryOf(filters, ANCHOR).from);
  });

  test("exact bounds win over the range; `all` has no bound", async () => {
    const exact = await loadAuditFilters({ range: "1h", to: "2026-01-02T00:00:00Z" });
    expect(auditQueryOf(exact, ANCHOR)).toMatchObject({ from: undefined, to: "2026-01-02T00:00:00.000Z" });
    expect(auditQueryOf(await loadAuditFilters({ range: "all" }), ANCHOR).from).toBeUndefined();
  });

  test("what is no value of a filter is left out rather than sent", async () => {
    const filters = await loadAuditFilters({
      from: "yesterday",
      outcome: "maybe",
      instanceId: "1 OR 1",
      range: "9y",
    });
    expect(auditQueryOf(filters, ANCHOR)).toMatchObject({
      from: "2026-03-02T10:00:00.000Z",
      outcome: undefined,
      instanceId: undefined,
    });
  });

  test("an instance's own page always asks for that instance", async () => {
    const id = "018f0000-0000-7000-8000-000000000001";
    const filters = await loadAuditFilters({ instanceId: "018f0000-0000-7000-8000-000000000002" });
    expect(auditQueryOf(filters, ANCHOR, id).instanceId).toBe(id);
  });
});

test("the time range alone is no filter", async () => {
  expect(auditFilters.isFiltered(await loadAuditFilters({ range: "7d" }))).toBe(false);
  expect(auditFilters.isFiltered(await loadAuditFilters({ q: "x" }))).toBe(true);
});
