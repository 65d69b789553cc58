import { describe, expect, it } from "vitest";
import { chooseDedicatedPorts, dedicatedRange } from "./dedicated-ports";

const settings = (from: number, to: number, zones = 2) => ({
  KMIP_DEDICATED_PORTS: { from, to },
  KMIP_PORTS: Array.from({ length: zones }, (_, index) => 5696 + index),
  KMIP_HTTPS_PORTS: undefined,
  PORT: 3000,
  SANDBOX_PORT: "off" as const,
});
const choose = (zones: number[], taken: number[], wanted = settings(5700, 5799)) =>
  chooseDedicatedPorts(zones, new Set(taken), wanted);

describe("ports of dedicated listeners", () => {
  it("gives each zone a part of the range", () => {
    expect(dedicatedRange(1, settings(5700, 5799))).toEqual({ from: 5700, to: 5749 });
    expect(dedicatedRange(2, settings(5700, 5799))).toEqual({ from: 5750, to: 5799 });
    expect(dedicatedRange(3, settings(5700, 5709, 3))).toEqual({ from: 5706, to: 5708 });
  });

  it("takes the same place in every zone", () => {
    expect(choose([1, 2], [])).toEqual(
      new Map([
        [1, 5700],
        [2, 5750],
      ]),
    );
    expect(choose([1, 2], [5700, 5751])).toEqual(
      new Map([
        [1, 5702],
        [2, 5752],
      ]),
    );
  });

  it("takes what is left when no place is free in all zones", () => {
    expect(choose([1, 2], [5700, 5703], settings(5700, 5703))).toEqual(
      new Map([
        [1, 5701],
        [2, 5702],
      ]),
    );
  });

  it("gives nobody a port that something else of the product has", () => {
    expect(choose([1, 2], [], settings(5695, 5698))).toEqual(
      new Map([
        [1, 5695],
        [2, 5698],
      ]),
    );
  });

  it("has none when a zone has none", () => {
    expect(choose([1, 2], [5702, 5703], settings(5700, 5703))).toBeNull();
    expect(choose([1], [], settings(5700, 5700))).toBeNull();
  });
});
