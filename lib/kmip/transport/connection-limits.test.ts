import { describe, expect, it } from "vitest";
import type { Tenant } from "../ports";
import { type ConnectionHandle, ConnectionLimits, type ConnectionSlot } from "./connection-limits";

describe("the limits of connections", () => {
  const tenant = (instanceId: string, certificateSha256 = `of ${instanceId}`): Tenant => ({
    instanceId,
    certificateId: certificateSha256,
    certificateSha256,
    policy: { activateOnCreate: false, serveCompromised: true },
  });
  const handle = (idle = true): ConnectionHandle & { ended: boolean } => ({
    ended: false,
    isIdle: () => idle,
    end() {
      this.ended = true;
    },
    destroy: () => undefined,
  });
  const slotOf = (given: ConnectionSlot | string): ConnectionSlot => {
    if (typeof given === "string") {
      throw new Error(given);
    }
    return given;
  };

  it("keeps to the bounds of certificates and instances, and forgets who left", () => {
    const limits = new ConnectionLimits({ maxConnectionsPerCertificate: 2, maxConnectionsPerInstance: 3 });
    const slots = [1, 2].map(() => slotOf(limits.admit(tenant("a", "one"), handle())));
    expect(limits.admit(tenant("a", "one"), handle())).toBe("connections-per-certificate");
    slots.push(slotOf(limits.admit(tenant("a", "two"), handle())));
    expect(limits.admit(tenant("a", "two"), handle())).toBe("connections-per-instance");
    slots.push(slotOf(limits.admit(tenant("b"), handle())));
    expect(limits.connections).toBe(4);
    for (const slot of [...slots, ...slots]) {
      slot.release();
    }
    expect(limits.connections).toBe(0);
    expect(limits.limitsHit).toMatchObject({
      "connections-per-certificate": 1,
      "connections-per-instance": 1,
    });
    limits.sweep(performance.now());
    expect(limits.remembered).toBe(0);
  });

  it("gives a slot of the instance that has most to one that has fewer", () => {
    const limits = new ConnectionLimits({ maxConnections: 4 });
    const [busy, idle, third] = [handle(false), handle(), handle()];
    for (const one of [busy, idle, third]) {
      slotOf(limits.admit(tenant("a"), one));
    }
    slotOf(limits.admit(tenant("b"), handle()));
    expect(limits.admit(tenant("a"), handle())).toBe("connections");
    slotOf(limits.admit(tenant("c"), handle()));
    expect([busy.ended, idle.ended, third.ended]).toEqual([false, true, false]);
  });

  it("lets who has most keep what is in use", () => {
    const limits = new ConnectionLimits({ maxConnections: 3 });
    for (let count = 0; count < 3; count += 1) {
      slotOf(limits.admit(tenant("a"), handle(false)));
    }
    expect(limits.admit(tenant("b"), handle())).toBe("connections");
  });

  it("delays who is over its rate, refuses who would wait too long, and nobody else", async () => {
    const limits = new ConnectionLimits({ messagesPerSecondPerCertificate: 5, maxDelayMs: 700 });
    const [fast, other] = ["fast", "other"].map((certificate) => ({
      tenant: tenant("a", certificate),
      slot: slotOf(limits.admit(tenant("a", certificate), handle())),
    })) as [{ tenant: Tenant; slot: ConnectionSlot }, { tenant: Tenant; slot: ConnectionSlot }];
    const begin = ({ slot, tenant: of }: typeof fast) => slot.beginMessage(of);
    const waits = Array.from({ length: 14 }, () => begin(fast));
    expect(waits.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => null));
    expect(await waits[13]).toBe(false);
    expect(await Promise.all(waits.slice(10, 13))).toEqual([true, true, true]);
    expect(limits.limitsHit).toMatchObject({ "messages-refused": 1, "messages-delayed": 3 });
    expect(await (begin(other) ?? true)).toBe(true);
    expect(limits.limitsHit["messages-delayed"]).toBe(3);
  });

  it("has a flood of one instance wait for the messages of another", async () => {
    const limits = new ConnectionLimits();
    const [flood, quiet] = [tenant("flood"), tenant("quiet")];
    const flooding = slotOf(limits.admit(flood, handle()));
    const calm = slotOf(limits.admit(quiet, handle()));
    let begun = 0;
    for (let count = 0; count < 2_000; count += 1) {
      void (flooding.beginMessage(flood) ?? Promise.resolve(true)).then(() => {
        begun += 1;
      });
    }
    await calm.beginMessage(quiet);
    expect(begun).toBeLessThan(200);
  });

  it("ends a connection that holds much of too much, and none that holds little", () => {
    const limits = new ConnectionLimits({ maxHeldBytesPerInstance: 100_000 });
    const [greedy, modest, stranger] = ["a", "a", "b"].map((id) =>
      slotOf(limits.admit(tenant(id), handle())),
    ) as [ConnectionSlot, ConnectionSlot, ConnectionSlot];
    expect(greedy.hold(90_000)).toBe(true);
    expect(modest.hold(12_000)).toBe(true);
    expect(stranger.hold(50_000)).toBe(true);
    expect(greedy.hold(1)).toBe(false);
    expect(greedy.hold(-1)).toBe(true);
    greedy.release();
    expect(greedy.hold(-90_000)).toBe(true);
    expect(modest.hold(80_000)).toBe(true);
    expect(limits.limitsHit["held-bytes"]).toBe(1);
  });

  it("counts memory for the instance that the certificate opens now", () => {
    const limits = new ConnectionLimits({ maxHeldBytesPerInstance: 100_000 });
    const slot = slotOf(limits.admit(tenant("a", "moved"), handle()));
    const neighbour = slotOf(limits.admit(tenant("b"), handle()));
    slot.hold(90_000);
    void slot.beginMessage(tenant("b", "moved"));
    expect(neighbour.hold(20_000)).toBe(false);
    neighbour.hold(-20_000);
    slot.release();
    expect(neighbour.hold(90_000)).toBe(true);
  });
});
