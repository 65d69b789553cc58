import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          globalSetup: ["./test/support/global-setup.ts"],
          include: ["{lib,sandbox,bin,components,scripts,messages}/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["test/product/**"],
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
