import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { GET } from "@/app/api/v1/openapi.json/route";
import { isWrite } from "@/lib/api/contract/operation";
import { openApiDocument } from "@/lib/api/openapi";
import * as operations from "@/lib/api/operations";
import { ORIGIN, routeFileOf } from "./support/house";

const folder = fileURLToPath(new URL("../../app/api/v1", import.meta.url));
/** No calls of the contract: the document itself, and what answers unknown paths. */
const OTHERS = ["openapi.json/route.ts", "[...path]/route.ts"];

type OperationObject = {
  operationId: string;
  responses: Record<string, unknown>;
  requestBody?: {
    content: { "application/json": { schema: { properties: Record<string, { pattern?: string }> } } };
  };
};

type Document = {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, unknown> };
};

/** The pattern of a field in the body of an operation. */
function schemaPattern(document: Document, operationId: string, field: string): string {
  const operation = Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .find((candidate) => candidate.operationId === operationId);

  return operation?.requestBody?.content["application/json"].schema.properties[field]?.pattern ?? "";
}

describe("the OpenAPI document", () => {
  const document = openApiDocument() as Document;

  it("has every operation, and every route file is one", () => {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("route.ts"))
      .filter((name) => !OTHERS.includes(name));
    const listed = new Set(Object.values(operations).map(({ path }) => routeFileOf(path)));

    expect([...listed].sort()).toEqual(files.sort());
  });

  it("names each operation by method and path, and by its key in the table", () => {
    for (const [name, operation] of Object.entries(operations)) {
      expect(operation.id).toBe(name);
      const entry = document.paths[operation.path]?.[operation.method.toLowerCase()];
      expect(entry?.operationId).toBe(name);
      expect(Object.keys(entry?.responses ?? {})).toContain(String(operation.status));
      expect(Object.keys(entry?.responses ?? {})).toContain("401");
    }
  });

  it("names every path parameter", () => {
    for (const operation of Object.values(operations)) {
      const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      const shape = "params" in operation ? Object.keys(operation.params.shape).sort() : [];
      expect(shape, operation.id).toEqual(inPath);
    }
  });

  it("gives no value two meanings: path, query and body are one input of the client", () => {
    for (const operation of Object.values(operations)) {
      const params = "params" in operation ? Object.keys(operation.params.shape) : [];
      const query = "query" in operation ? Object.keys(operation.query.shape) : [];
      const names = [...params, ...query, "body"];
      expect(new Set(names).size, operation.id).toBe(names.length);
    }
  });

  it("has an audit action for every write", () => {
    const writes = Object.values(operations).filter(isWrite);
    expect(writes.length).toBeGreaterThan(10);
    expect(writes.filter((operation) => !("audit" in operation))).toEqual([]);
  });

  it("is OpenAPI 3.1 with shared schemas, whose references all resolve", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(document.servers).toEqual([{ url: `${ORIGIN}/api/v1` }]);
    const names = Object.keys(document.components.schemas);
    expect(names).toEqual(
      expect.arrayContaining(["Instance", "Kek", "Problem", "PermissionReport", "AuditEvent"]),
    );
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(20);
    expect(names).toEqual(expect.arrayContaining([...new Set(references)]));
  });

  it("has patterns that other tools can compile, and that take what the API takes", () => {
    const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
      ([, text = '""']) => JSON.parse(text) as string,
    );
    expect(patterns.length).toBeGreaterThan(0);
    // JSON Schema (draft 2020-12, section 6.4 of the core): Unicode, and no flags.
    for (const pattern of new Set(patterns)) {
      expect(new RegExp(pattern, "u").test("eu-de"), pattern).toBe(true);
    }
    expect(new RegExp(schemaPattern(document, "createInstance", "name"), "u").test("a\tb")).toBe(false);
  });

  it("marks API keys as write-only, and no answer has one", () => {
    const { schemas } = document.components;
    expect(JSON.stringify(schemas.Instance)).not.toMatch(/apiKey/i);
    expect(JSON.stringify(document)).toContain('"writeOnly":true');
  });

  it("is served without sign-in", async () => {
    const response = await GET(new Request(`${ORIGIN}/api/v1/openapi.json`), { params: Promise.resolve({}) });
    expect(response.status).toBe(200);
    expect((await response.json()).openapi).toBe("3.1.0");
  });
});
