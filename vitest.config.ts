import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests beside the code, of the protocol and of the house itself: they need nothing but Node, so not PyKMIP. */
const PURE = [
  "{lib,sandbox,bin,components,scripts,messages}/**/*.test.ts",
  "test/{kmip,clients}/**/!(pykmip*).test.ts",
  "test/*.test.ts",
];

/** Services that tests stand in for listen on this machine. What tests the rule for addresses sets its own. */
const env = { OUTBOUND_ALLOW: "127.0.0.0/8, ::1" };

export default defineConfig({
  resolve: {
    alias: {
      "@": fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""),
      // The marker package throws outside of a React server graph; tests are server code.
      "server-only": fileURLToPath(new URL("./test/support/server-only.ts", import.meta.url)),
    },
  },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // All processors, also where there are two: most of a test's time is waiting.
    maxWorkers: "100%",
    projects: [
      {
        // Without PostgreSQL: what asks for it is told where it belongs (test/support/database.ts).
        extends: true,
        test: { name: "pure", include: PURE, env },
      },
      {
        // On a real PostgreSQL, one for all.
        extends: true,
        test: {
          name: "unit",
          env,
          globalSetup: ["./test/support/global-setup.ts"],
          include: ["test/*/**/*.test.ts"],
          exclude: [...PURE, "test/product/**"],
        },
      },
      {
        // The whole `npm start`, from outside.
        extends: true,
        test: {
          name: "product",
          globalSetup: ["./test/support/product-setup.ts"],
          include: ["test/product/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
