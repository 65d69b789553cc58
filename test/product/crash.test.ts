import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { type KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import { ResultReason } from "@/lib/kmip/protocol/enumerations";
import { cli, keyProtect, type Product, productSettings, runStart } from "../support/product";
import { type House, type OrderedInstance, openHouse, orderInstance, processIdOf } from "./support";

/** The same kills in the same order, at the same points of the work; what they hit is up to the machine. */
const SEED = 20_260_731;
const RECONCILE = { RECONCILE_EVERY_SECONDS: "2", RECONCILE_AFTER_SECONDS: "6" };

type Target = "kmip 1" | "kmip 2" | "worker" | "sandbox" | "database" | "database's keeper" | "supervisor";

const TIMES: { readonly [target in Target]: number } = {
  "kmip 1": 14,
  "kmip 2": 14,
  worker: 6,
  sandbox: 8,
  database: 3,
  "database's keeper": 2,
  supervisor: 3,
};
const KILLS = Object.values(TIMES).reduce((sum, times) => sum + times, 0);

/** Numbers from 0 up to 1 that a seed decides (mulberry32). */
function numbersOf(seed: number): () => number {
  let state = seed;

  return () => {
    state = (state + 0x6d2b79f5) | 0;

    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);

    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;

    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All kills in a random order, but the supervisor's: they are spread, because each start forgives earlier failures. */
function planOf(random: () => number): Target[] {
  const { supervisor, ...others } = TIMES;
  const plan = Object.entries(others).flatMap(([target, times]) =>
    Array<Target>(times).fill(target as Target),
  );

  for (let index = plan.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [one = "worker", two = "worker"] = [plan[index], plan[other]];

    plan[index] = two;
    plan[other] = one;
  }

  const stride = Math.ceil(plan.length / (supervisor + 1));

  for (let count = supervisor; count > 0; count -= 1) {
    plan.splice(count * stride, 0, "supervisor");
  }

  return plan;
}

/** What clients know of a KEK. */
type Known = {
  material: Buffer | null;
  /** `asked`: its Destroy was sent and not answered; nobody can say what became of it. */
  destroy: "no" | "asked" | "done";
};

const settings = await productSettings(RECONCILE);
let product: Product | null = null;

async function start(): Promise<Product> {
  const outcome = await runStart(settings);

  if (!outcome.product) {
    throw new Error(`npm start ended with code ${outcome.code}\n${outcome.stdout}\n${outcome.stderr}`);
  }

  return outcome.product;
}

afterAll(() => product?.destroy());

function pidOf(target: Target): number | null {
  try {
    switch (target) {
      case "database":
        return Number(readFileSync(join(settings.dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
      case "database's keeper":
        return processIdOf(settings, "postgres");
      case "kmip 1":
      case "kmip 2":
        return processIdOf(settings, "kmip", Number(target.at(-1)));
      case "supervisor":
        return product?.process.pid ?? null;
      default:
        return processIdOf(settings, target);
    }
  } catch {
    // It is being started.
    return null;
  }
}

async function kill(target: Target): Promise<void> {
  for (;;) {
    const pid = pidOf(target);

    try {
      if (pid) {
        process.kill(pid, "SIGKILL");

        break;
      }
    } catch {
      // Gone in this moment; the next one will do.
    }

    await sleep(20);
  }

  if (target === "supervisor") {
    product = await start();
  }
}

/** A Get's answer of KMIP 1.4 for a destroyed object, and for one that nobody was told of. */
const isGone = (error: unknown): boolean =>
  error instanceof KmipOperationError &&
  (error.resultReason === ResultReason.IllegalOperation || error.resultReason === ResultReason.ItemNotFound);

/** Asks until there is an answer that is more than "not now". */
async function patiently<T>(
  instance: OrderedInstance,
  zone: number,
  ask: (client: KmipClient) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const client = instance.client(zone, { timeoutMs: 5_000 });

    try {
      return await ask(client);
    } catch (error) {
      if (isGone(error) || attempt === 40) {
        throw error;
      }

      await sleep(250);
    } finally {
      client.close();
    }
  }
}

/** True if a zone says for good that there is no such KEK (any more). */
async function refusesForGood(instance: OrderedInstance, zone: number, identifier: string): Promise<boolean> {
  try {
    await patiently(instance, zone, (client) => client.get(identifier));

    return false;
  } catch (error) {
    if (isGone(error)) {
      return true;
    }

    throw error;
  }
}

/** What clients do all the while, and what they were told. */
class Traffic {
  readonly known = new Map<string, Known>();
  /** Answers so far, by zone. */
  readonly answers = [0, 0, 0];
  readonly #instance: OrderedInstance;
  #over = false;
  readonly #running: Promise<void>[];

  constructor(instance: OrderedInstance) {
    this.#instance = instance;
    this.#running = [1, 2].flatMap((zone) => [this.#client(zone, false), this.#client(zone, true)]);
  }

  /** One client: Create and Get over and over, and if it destroys, Destroy of every second KEK. */
  async #client(zone: number, destroys: boolean): Promise<void> {
    while (!this.#over) {
      const client = this.#instance.client(zone, { timeoutMs: 3_000 });

      try {
        for (let turn = 0; !this.#over; turn += 1) {
          const identifier = await client.create();
          const known: Known = { material: null, destroy: "no" };

          this.known.set(identifier, known);
          this.answers[zone] = (this.answers[zone] ?? 0) + 1;
          known.material = Buffer.from((await client.get(identifier)).material);

          if (destroys && turn % 2 === 0) {
            known.destroy = "asked";
            await client.destroy(identifier);
            known.destroy = "done";
          }
        }
      } catch {
        // A process that it needs was killed: another connection.
        await sleep(30);
      } finally {
        client.close();
      }
    }
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
  }

  /** The KEKs whose Destroy got as far. */
  with(destroy: Known["destroy"]): [string, Known][] {
    return [...this.known].filter(([, known]) => known.destroy === destroy);
  }
}

type Row = { identifier: string; storage: string; key: string | null };

async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];

  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let item = rest.pop(); item !== undefined; item = rest.pop()) {
        await work(item);
      }
    }),
  );
}

describe("processes that are killed at random instants in the middle of Creates and Destroys", () => {
  it(`${KILLS} kills lose no KEK, serve none that is destroyed, and leave no standard key behind (seed ${SEED})`, {
    timeout: 900_000,
  }, async () => {
    const random = numbersOf(SEED);
    const killed: Target[] = [];

    product = await start();

    const house: House = await openHouse({ ...product, pid: product.process.pid ?? 0 });
    const instance = await orderInstance(house);
    const traffic = new Traffic(instance);

    for (const target of planOf(random)) {
      const zones = target.startsWith("kmip") ? [Number(target.at(-1))] : [1, 2];
      const before = [...traffic.answers];

      // In the middle of work, not of the start after the kill before.
      await expect
        .poll(() => zones.some((zone) => (traffic.answers[zone] ?? 0) > (before[zone] ?? 0)), {
          timeout: 180_000,
          interval: 10,
        })
        .toBe(true);
      await sleep(random() * 200);
      await kill(target);
      killed.push(target);
    }

    expect(killed).toHaveLength(KILLS);

    const [, one = 0, two = 0] = traffic.answers;

    await expect
      .poll(() => traffic.answers.slice(1).every((count, zone) => count > ([one, two][zone] ?? 0)), {
        timeout: 180_000,
      })
      .toBe(true);
    await traffic.end();

    // Every acknowledged identifier answers Get, at both endpoints, with the bytes that were told.
    await inGroups(traffic.with("no"), async ([identifier, { material }]) => {
      const [first, second] = await Promise.all(
        [1, 2].map((zone) =>
          patiently(instance, zone, async (client) => Buffer.from((await client.get(identifier)).material)),
        ),
      );

      expect(first?.length, identifier).toBe(32);
      expect(second?.equals(first ?? Buffer.alloc(0)), identifier).toBe(true);
      expect(material === null || first?.equals(material), identifier).toBe(true);
    });

    // What was destroyed stays destroyed.
    await inGroups(traffic.with("done"), async ([identifier]) => {
      expect(await refusesForGood(instance, 1, identifier), identifier).toBe(true);
      expect(await refusesForGood(instance, 2, identifier), identifier).toBe(true);
    });

    const database = new pg.Pool({
      connectionString: (await cli(settings, "database", "url")).stdout.trim(),
    });

    try {
      const rowsNow = async (): Promise<Row[]> =>
        (
          await database.query<Row>(
            `SELECT unique_identifier AS identifier, storage::text AS storage, key_manager_key_id AS key
             FROM managed_object WHERE instance_id = $1`,
            [instance.id],
          )
        ).rows;
      const standardKeysNow = async (): Promise<string[]> => {
        const { body } = await keyProtect(house.access, "GET", "/keys?extractable=true&limit=5000");
        const own = (body.resources as { id: string; description?: string }[]).filter(({ description }) =>
          description?.includes(instance.id),
        );

        return own.map(({ id }) => id).sort();
      };

      // The reconciler has finished what was half done, and the key manager holds exactly what is served.
      await expect
        .poll(
          async () => {
            const rows = await rowsNow();
            const served = rows.filter(({ storage }) => storage === "stored").map(({ key }) => key);
            const kept = await standardKeysNow();

            return {
              halfDone: rows.filter(({ storage }) => storage === "storing" || storage === "destroying")
                .length,
              orphans: kept.filter((id) => !served.includes(id)),
              missing: served.filter((id) => id === null || !kept.includes(id)),
            };
          },
          { timeout: 180_000, interval: 500 },
        )
        .toEqual({ halfDone: 0, orphans: [], missing: [] });

      const rows = new Map((await rowsNow()).map((row) => [row.identifier, row]));

      for (const [identifier, { destroy }] of traffic.known) {
        expect(rows.get(identifier)?.storage, identifier).toMatch(
          { no: /^stored$/, asked: /^(stored|destroyed)$/, done: /^destroyed$/ }[destroy],
        );
      }

      // A Destroy without an answer has happened or has not: never by half, and the same for everybody.
      await inGroups(traffic.with("asked"), async ([identifier, { material }]) => {
        const isDestroyed = rows.get(identifier)?.storage === "destroyed";

        for (const zone of [1, 2]) {
          if (isDestroyed) {
            expect(await refusesForGood(instance, zone, identifier), identifier).toBe(true);
          } else {
            const bytes = await patiently(instance, zone, (client) => client.get(identifier));

            expect(material?.equals(bytes.material), identifier).toBe(true);
          }
        }
      });
    } finally {
      await database.end();
    }

    // Enough of each for the above to say something.
    expect(traffic.with("no").length).toBeGreaterThan(KILLS);
    expect(traffic.with("done").length).toBeGreaterThan(KILLS / 2);
  });
});
