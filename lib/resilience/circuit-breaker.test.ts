import { describe, expect, it } from "vitest";
import { CircuitOpenError, createCircuitBreaker } from "./circuit-breaker";

function world() {
  let time = 0;
  const changes: string[] = [];
  const breaker = createCircuitBreaker({
    threshold: 3,
    overMs: 1_000,
    openMs: 1_000,
    maxOpenMs: 4_000,
    now: () => time,
    random: () => 0.5,
    onChange: (state) => changes.push(state),
  });

  return {
    breaker,
    changes,
    pass(ms: number) {
      time += ms;
    },
    fail(times: number, eachMs = 600) {
      for (let index = 0; index < times; index += 1) {
        const end = breaker.enter();
        time += eachMs;
        end("outage");
      }
    },
  };
}

describe("createCircuitBreaker", () => {
  it("opens after outages in a row and fails calls at once, saying for how long", () => {
    const { breaker, fail, changes } = world();
    fail(2);
    expect(breaker.state).toBe("closed");
    fail(1);
    expect(breaker.state).toBe("open");
    expect(changes).toEqual(["open"]);
    expect(() => breaker.enter()).toThrow(CircuitOpenError);
    expect(() => breaker.check()).toThrow(expect.objectContaining({ retryAfterMs: 1_000 }));
  });

  it("takes any answer for a sign of life", () => {
    const { breaker, fail } = world();

    for (let round = 0; round < 10; round += 1) {
      fail(2);
      breaker.enter()("answer");
    }

    expect(breaker.state).toBe("closed");
    expect(breaker.failures).toBe(0);
  });

  it("does not count calls that found nothing out", () => {
    const { breaker, pass } = world();

    for (let round = 0; round < 10; round += 1) {
      const end = breaker.enter();
      pass(1_000);
      end("nothing");
    }

    expect(breaker.state).toBe("closed");
  });

  it("takes what fails at one time for one event", () => {
    const { breaker, pass } = world();
    const ends = Array.from({ length: 16 }, () => breaker.enter());
    pass(10);

    for (const end of ends) {
      end("outage");
    }

    expect(breaker.state).toBe("closed");
    // Still so a second later: now it is an outage.
    pass(1_000);
    breaker.enter()("outage");
    expect(breaker.state).toBe("open");
  });

  it("opens when many calls that ran side by side waited in vain", () => {
    const { breaker, pass } = world();
    const ends = Array.from({ length: 3 }, () => breaker.enter());
    pass(10_000);

    for (const end of ends) {
      end("outage");
    }

    expect(breaker.state).toBe("open");
  });

  it("lets one call through when its time is up, and closes when that is answered", () => {
    const { breaker, fail, pass, changes } = world();
    fail(3);
    pass(1_000);
    const end = breaker.enter();

    expect(breaker.state).toBe("halfOpen");
    expect(() => breaker.enter()).toThrow(CircuitOpenError);
    end("answer");
    expect(breaker.state).toBe("closed");
    breaker.enter()("answer");
    expect(changes).toEqual(["open", "halfOpen", "closed"]);
  });

  it("waits twice as long after every probe that fails, up to the limit, and begins anew after an answer", () => {
    const { breaker, fail, pass } = world();
    fail(3);
    const waits: number[] = [];

    for (let round = 0; round < 4; round += 1) {
      pass(10_000);
      breaker.enter()("outage");

      try {
        breaker.check();
      } catch (error) {
        waits.push((error as CircuitOpenError).retryAfterMs);
      }
    }

    expect(waits).toEqual([2_000, 4_000, 4_000, 4_000]);
    pass(4_000);
    breaker.enter()("answer");
    fail(3);
    expect(() => breaker.check()).toThrow(expect.objectContaining({ retryAfterMs: 1_000 }));
  });

  it("gives the turn to the next caller when a probe was given up", () => {
    const { breaker, fail, pass } = world();
    fail(3);
    pass(1_000);
    breaker.enter()("nothing");
    const end = breaker.enter();
    expect(breaker.state).toBe("halfOpen");
    end("answer");
    expect(breaker.state).toBe("closed");
  });

  it("lets calls through that are made to find out, and learns from them", () => {
    const { breaker, fail } = world();
    fail(3);
    const failing = breaker.enter({ always: true });
    failing("outage");
    expect(breaker.state).toBe("open");
    breaker.enter({ always: true })("answer");
    expect(breaker.state).toBe("closed");
  });

  it("does not let a late failure of an older call spoil the probe", () => {
    const { breaker, fail, pass } = world();
    const old = breaker.enter();
    fail(3);
    pass(1_000);
    const probe = breaker.enter();
    old("outage");
    expect(breaker.state).toBe("halfOpen");
    probe("answer");
    expect(breaker.state).toBe("closed");
  });
});
