import { describe, expect, it } from "vitest";
import { createTestDatabase } from "@/test/support/database";

describe("the project without PostgreSQL", () => {
  it("says where a test belongs that asks for a database", async () => {
    await expect(createTestDatabase()).rejects.toThrow(/belongs in a folder of test\//);
  });
});
