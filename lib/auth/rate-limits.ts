import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "@/lib/core/errors";
import { perProcess, processSlot } from "@/lib/per-process";

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
  /** Wrong passwords for one person from one address. */
  readonly signIn: RateLimiterMemory;
  /** Wrong passwords from one address, whoever they are for. */
  readonly signInAddress: RateLimiterMemory;
};

const slot = processSlot<Limits>("rate-limits");

const limits = perProcess<Limits>("rate-limits", () => ({
  calls: new RateLimiterMemory({ points: 3_000, duration: 60 }),
  connectionTests: new RateLimiterMemory({ points: 10, duration: 60 }),
  refusals: new RateLimiterMemory({ points: 60, duration: 60 }),
  signIn: new RateLimiterMemory({ points: 8, duration: 15 * 60 }),
  signInAddress: new RateLimiterMemory({ points: 60, duration: 15 * 60 }),
}));

/** Forgets all counts (tests). */
export function resetRateLimits(): void {
  slot.set(null);
}

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

async function requireLeft(limiter: RateLimiterMemory, key: string): Promise<void> {
  const result = await limiter.get(key);
  if (result !== null && result.remainingPoints <= 0) {
    throw tooMany(result);
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

/** @throws AppError RATE_LIMITED when too many passwords were wrong */
export async function requireSignInAllowed(address: string | null, email: string): Promise<void> {
  await requireLeft(limits().signIn, `${address} ${email}`);
  await requireLeft(limits().signInAddress, address ?? "");
}

/** Counts a wrong password. */
export async function countWrongPassword(address: string | null, email: string): Promise<void> {
  await limits().signIn.penalty(`${address} ${email}`, 1);
  await limits().signInAddress.penalty(address ?? "", 1);
}

/** A right password ends the count for that person. */
export async function forgiveSignIn(address: string | null, email: string): Promise<void> {
  await limits().signIn.delete(`${address} ${email}`);
}
