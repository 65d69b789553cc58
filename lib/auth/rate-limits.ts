import { setTimeout as sleep } from "node:timers/promises";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "@/lib/core/errors";
import { perProcess } from "@/lib/per-process";

/**
 * Limits per process. They keep guessing and runaway scripts in bounds; they are not meant to be felt by people, by
 * automation, or by a console with many tabs.
 */
type Limits = {
  /** Calls of one user or token. */
  readonly calls: RateLimiterMemory;
  /** Connection tests of one instance: each opens connections and lets a certificate in. */
  readonly connectionTests: RateLimiterMemory;
  /** Requests from one address that nobody was found for. */
  readonly refusals: RateLimiterMemory;
  /** Calls from one address by whoever it may be. */
  readonly openCalls: RateLimiterMemory;
  /** Attempts to sign in as one person from one address. */
  readonly signIn: RateLimiterMemory;
  /** Attempts to sign in from one address, whoever they are for. */
  readonly signInAddress: RateLimiterMemory;
};

const limits = perProcess<Limits>("rate-limits", () => ({
  calls: new RateLimiterMemory({ points: 3_000, duration: 60 }),
  connectionTests: new RateLimiterMemory({ points: 10, duration: 60 }),
  refusals: new RateLimiterMemory({ points: 60, duration: 60 }),
  openCalls: new RateLimiterMemory({ points: 30, duration: 60 }),
  signIn: new RateLimiterMemory({ points: 8, duration: 15 * 60 }),
  signInAddress: new RateLimiterMemory({ points: 60, duration: 15 * 60 }),
}));

function tooMany(result: RateLimiterRes): AppError {
  const seconds = Math.max(1, Math.ceil(result.msBeforeNext / 1_000));

  return new AppError("RATE_LIMITED", `Too many requests. Try again in ${seconds} seconds.`, {
    extra: { retryAfterSeconds: seconds },
  });
}

async function take(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    throw error instanceof RateLimiterRes ? tooMany(error) : error;
  }
}

/** Counts a call of somebody who is known. @throws AppError RATE_LIMITED */
export function countCall(principal: string): Promise<void> {
  return take(limits().calls, principal);
}

/** Counts a connection test; accounts that guess ids of others use up only their own. @throws AppError RATE_LIMITED */
export function countConnectionTest(accountId: string, instanceId: string): Promise<void> {
  return take(limits().connectionTests, `${accountId} ${instanceId}`);
}

/**
 * Counts a refused request. Each of the first is an audit event; a flood of them is not.
 * @throws AppError RATE_LIMITED when this address had too many
 */
export function countRefusal(address: string | null): Promise<void> {
  return take(limits().refusals, address ?? "");
}

/**
 * Counts a call by somebody who need not be known, e.g. of a link.
 * @throws AppError RATE_LIMITED when this address had too many
 */
export function countOpenCall(address: string | null): Promise<void> {
  return take(limits().openCalls, address ?? "");
}

/**
 * Counts an attempt to sign in, before the password is looked at. Too many for one person from one address are refused;
 * too many from one address, whoever they are for, are taken one after the other and slowly: others who share that
 * address wait, but are not locked out.
 * @throws AppError RATE_LIMITED
 */
export async function countSignIn(address: string | null, email: string): Promise<void> {
  const key = `${address} ${email}`;
  await take(limits().signIn, key);

  if (known().has(key)) {
    return;
  }

  try {
    await limits().signInAddress.consume(address ?? "");
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) {
      throw error;
    }
    await waitForTurn(address ?? "", error);
  }
}

/** A right password ends the count for that person. */
export async function forgiveSignIn(address: string | null, email: string): Promise<void> {
  const key = `${address} ${email}`;
  await limits().signIn.delete(key);

  if (!known().has(key)) {
    await limits().signInAddress.reward(address ?? "", 1);
  }
  if (known().size >= MAX_KNOWN) {
    known().clear();
  }
  known().add(key);
}

/** Who has signed in from where: they wait for nobody's guesses. */
const known = perProcess("sign-in-known", () => new Set<string>());
const MAX_KNOWN = 10_000;

type Turns = { readonly waiting: number; readonly last: Promise<void> };

const turns = perProcess("sign-in-turns", () => new Map<string, Turns>());
const TURN_MS = 1_000;
const MAX_WAITING = 20;

/** @throws AppError RATE_LIMITED when too many wait already */
async function waitForTurn(address: string, result: RateLimiterRes): Promise<void> {
  const { waiting, last } = turns().get(address) ?? { waiting: 0, last: Promise.resolve() };
  if (waiting >= MAX_WAITING) {
    throw tooMany(result);
  }

  const turn = last.then(() => sleep(TURN_MS));
  turns().set(address, { waiting: waiting + 1, last: turn });
  await turn;

  const now = turns().get(address);
  if (now && now.waiting > 1) {
    turns().set(address, { ...now, waiting: now.waiting - 1 });
  } else {
    turns().delete(address);
  }
}
