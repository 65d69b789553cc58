/**
 * Locate among few and among many objects of one product: the objects are rows in its PostgreSQL, the question goes
 * through its endpoint.
 */
import pg from "pg";
import { type ClientAttribute, nameAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import { ResultStatus } from "@/lib/kmip/protocol/enumerations";
import { drive, type Endpoint, type Figures, type Turn, Wire } from "./driver";
import { processorTime } from "./processor-time";
import type { ProductTarget } from "./targets";

const VERSION = "1.1";
const WARM_UP_MS = 1_000;
/** Objects that share a value of x-Cluster. */
const CLUSTERS = 100;
/** What stands in the template's name and attribute, to be replaced in every copy. */
const MARK = "locate-scale-template";
const CHUNK = 50_000;

/** What a client asks for; `at` is the number of an object. */
const QUESTIONS = {
  /** One object has it. */
  name: { attributes: (at: number) => [nameAttribute(nameOf(at))], maximumItems: undefined },
  /** One object has it. */
  attribute: { attributes: (at: number) => [custom("x-Serial", nameOf(at))], maximumItems: undefined },
  /** Every hundredth object has it; the client takes the ten newest. */
  sharedAttribute: {
    attributes: (at: number) => [custom("x-Cluster", `cluster-${at % CLUSTERS}`)],
    maximumItems: 10,
  },
  /** All objects have it, and one of them the name as well. */
  both: {
    attributes: (at: number) => [custom("x-Product", "VMware vSphere"), nameAttribute(nameOf(at))],
    maximumItems: undefined,
  },
} as const;
type Question = keyof typeof QUESTIONS;

const nameOf = (at: number): string => `${MARK}-${at}`;
const custom = (name: string, value: string): ClientAttribute => ({ name, value: { t: "text", v: value } });

type Measurement = Figures & { readonly serverCpu: number | null };
export type ScaleReport = {
  readonly objects: { readonly few: number; readonly many: number };
  readonly results: {
    readonly [question: string]: {
      readonly few: Measurement;
      readonly many: Measurement;
      /** How much longer one Locate takes among many: by turns per second, and by the server's processor time. */
      readonly ratio: number;
      readonly perProcessorTime: number | null;
    };
  };
};

/** Seeds two instances and asks both in turns. */
export async function locateScale(
  product: ProductTarget,
  options: {
    readonly few: number;
    readonly many: number;
    readonly connections: number;
    readonly seconds: number;
    readonly rounds: number;
  },
): Promise<ScaleReport> {
  const url = await product.databaseUrl();
  const few = await seeded(product, url, "few", options.few);
  const many = await seeded(product, url, "many", options.many);
  const results: { [question: string]: ScaleReport["results"][string] } = {};
  for (const question of Object.keys(QUESTIONS) as Question[]) {
    const rounds: { readonly few: Measurement; readonly many: Measurement }[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      rounds.push({
        few: await ask(product, few, { ...options, question, objects: options.few }),
        many: await ask(product, many, { ...options, question, objects: options.many }),
      });
    }
    const fewer = median(rounds.map((round) => round.few));
    const more = median(rounds.map((round) => round.many));
    results[question] = {
      few: fewer,
      many: more,
      ratio: Number((fewer.perSecond / more.perSecond).toFixed(3)),
      perProcessorTime:
        fewer.serverCpu === null || more.serverCpu === null
          ? null
          : Number((more.serverCpu / fewer.serverCpu).toFixed(3)),
    };
  }
  return { objects: { few: options.few, many: options.many }, results };
}

function median(measurements: readonly Measurement[]): Measurement {
  const sorted = [...measurements].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor((sorted.length - 1) / 2)] as Measurement;
}

/** An instance with so many objects: one that a client made, and copies of its rows. */
async function seeded(product: ProductTarget, url: string, name: string, count: number): Promise<Endpoint> {
  const { endpoint, certificateSha256 } = await product.order(`locate-scale-${name}`);
  await makeTemplate(endpoint);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(
      "SELECT instance_id AS id FROM client_certificate WHERE sha256 = $1",
      [certificateSha256],
    );
    const instanceId = rows[0]?.id;
    if (instanceId === undefined) {
      throw new Error("the instance that was ordered is not there");
    }
    await keepTemplate(client, instanceId);
    for (let first = 1; first < count; first += CHUNK) {
      await copyTemplate(client, first, Math.min(first + CHUNK, count) - 1);
    }
    await client.query(
      "UPDATE instance SET kek_count = (SELECT count(*) FROM managed_object WHERE instance_id = $1) WHERE id = $1",
      [instanceId],
    );
    // What autovacuum does within a minute; the measurement is not to depend on when.
    for (const table of ["managed_object", "managed_object_term"]) {
      await client.query(`VACUUM ANALYZE ${table}`);
    }
  } finally {
    await client.end();
  }
  return endpoint;
}

async function makeTemplate(endpoint: Endpoint): Promise<void> {
  const wire = await Wire.open(endpoint);
  const create = requests.create({
    name: nameOf(0),
    attributes: [
      custom("x-Serial", nameOf(0)),
      custom("x-Cluster", "cluster-0"),
      custom("x-Product", "VMware vSphere"),
    ],
  });
  locatedIn(await wire.exchange(writeRequest(VERSION, [create])));
  wire.close();
}

const TABLES = ["managed_object", "managed_object_term"] as const;

/** Puts the rows of the first object aside, where every copy is made from. */
async function keepTemplate(client: pg.Client, instanceId: string): Promise<void> {
  const { rows } = await client.query<{ uid: string }>(
    "SELECT unique_identifier AS uid FROM managed_object WHERE instance_id = $1 AND name = $2",
    [instanceId, nameOf(0)],
  );
  for (const table of TABLES) {
    await client.query(`CREATE TEMPORARY TABLE template_${table} (LIKE ${table})`);
    await client.query(
      `INSERT INTO template_${table} SELECT * FROM ${table} WHERE instance_id = $1 AND unique_identifier = $2`,
      [instanceId, rows[0]?.uid],
    );
  }
}

/** Copies of the first object: numbers and identifiers their own, each older by a second than the one before. */
async function copyTemplate(client: pg.Client, first: number, last: number): Promise<void> {
  const renumbered = (column: string) =>
    `replace(replace(${column}, '${MARK}-0', '${MARK}-' || n.at), 'cluster-0', 'cluster-' || n.at % ${CLUSTERS})`;
  const both = { unique_identifier: "n.uid", created_at: "t.created_at - n.at * interval '1 second'" };
  /** A copy's value of a column; every other column is the template's. */
  const own: { readonly [K in (typeof TABLES)[number]]: { readonly [column: string]: string } } = {
    managed_object: {
      ...both,
      attributes: `${renumbered("t.attributes::text")}::jsonb`,
      name: renumbered("t.name"),
      key_manager_key_id: "n.uid",
    },
    managed_object_term: { ...both, value: renumbered("t.value") },
  };
  await client.query("BEGIN");
  await client.query(
    `CREATE TEMPORARY TABLE n ON COMMIT DROP AS
     SELECT at, gen_random_uuid()::text AS uid FROM generate_series(${first}, ${last}) at`,
  );
  for (const table of TABLES) {
    const { rows } = await client.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = current_schema() AND table_name = $1`,
      [table],
    );
    const columns = rows.map(({ name }) => name);
    const values = columns.map((name) => own[table][name] ?? `t.${name}`);
    await client.query(
      `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM template_${table} t, n`,
    );
  }
  await client.query("COMMIT");
}

/** The items of a response in which nothing failed. @throws Error */
function locatedIn(response: Buffer): number {
  const [item] = readResponse(response).items;
  if (item?.status !== ResultStatus.Success) {
    throw new Error(item?.message ?? "no batch item");
  }
  return item.payload.length;
}

type Asking = {
  readonly question: Question;
  /** How many objects the instance has. */
  readonly objects: number;
  readonly connections: number;
  readonly seconds: number;
};

/** Asks one question over and over, of another object each time. @throws Error for an answer that is not right */
async function ask(
  product: ProductTarget,
  endpoint: Endpoint,
  { question, objects, connections, seconds }: Asking,
): Promise<Measurement> {
  const { attributes, maximumItems } = QUESTIONS[question];
  const expected = maximumItems ?? 1;
  const wires: Wire[] = [];
  for (let index = 0; index < connections; index += 1) {
    wires.push(await Wire.open(endpoint));
  }
  const turns = wires.map(
    (wire): Turn =>
      async () => {
        const at = Math.floor(Math.random() * objects);
        const message = writeRequest(VERSION, [requests.locate(attributes(at), maximumItems)]);
        const located = locatedIn(await wire.exchange(message));
        if (located !== expected) {
          throw new Error(`${question}: ${located} located instead of ${expected}`);
        }
      },
  );
  try {
    await drive(turns, WARM_UP_MS);
    const before = product.pid === undefined ? null : processorTime(product.pid);
    const figures = await drive(turns, seconds * 1_000);
    const after = product.pid === undefined ? null : processorTime(product.pid);
    const sum = (spent: ReadonlyMap<string, number>) => [...spent.values()].reduce((a, b) => a + b, 0);
    const serverCpu =
      before === null || after === null
        ? null
        : Number(((sum(after) - sum(before)) / figures.turns).toFixed(4));
    return { ...figures, serverCpu };
  } finally {
    for (const wire of wires) {
      wire.close();
    }
  }
}
