import { expect, it } from "vitest";
import { doctor } from "@/bin/cli/doctor";
import { env } from "@/lib/env";
import { worldForTests } from "@/test/support/world";

const world = worldForTests({ KMIP_PORTS: "1", PORT: "1", SANDBOX_PORT: "off" });

it("names the version of PostgreSQL", async () => {
  const lines: string[] = [];

  await doctor(
    env(),
    (line) => lines.push(line),
    () => world.test.database,
  );

  const { rows } = await world.test.database.pool.query<{ server_version: string }>("SHOW server_version");

  expect(lines).toContainEqual(`ok    database: PostgreSQL ${rows[0]?.server_version}, embedded`);
  expect(lines.join("\n")).not.toContain("undefined");
});
