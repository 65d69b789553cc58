import { connect } from "node:tls";
import { describe, expect, inject, it } from "vitest";
import { KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import { ResultReason } from "@/lib/kmip/protocol/enumerations";
import { createSelfSigned } from "../support/certificates";
import { type House, openHouse, orderInstance } from "./support";

const house: House = await openHouse(inject("product"));

describe("tenants", () => {
  it("never see each other's keys, on either endpoint", async () => {
    const [one, other] = [await orderInstance(house), await orderInstance(house)];
    const [mine, theirs] = [one.client(1), other.client(2)];
    const identifier = await mine.create({ name: "the only name" });

    await theirs.create({ name: "another" });

    for (const call of [
      () => theirs.get(identifier),
      () => theirs.getAttributes(identifier),
      () => theirs.getAttributeList(identifier),
      () => theirs.activate(identifier),
      () => theirs.revoke(identifier, 1),
      () => theirs.destroy(identifier),
      () => theirs.addAttribute(identifier, { name: "x-a", value: { t: "text", v: "b" } }),
    ]) {
      await expect(call()).rejects.toMatchObject({ resultReason: ResultReason.ItemNotFound });
    }

    expect(await theirs.locate()).not.toContain(identifier);
    expect(await mine.locate()).toEqual([identifier]);
    expect((await mine.get(identifier)).material).toHaveLength(32);

    // The same name in two instances is two things.
    const twin = await theirs.create({ name: "the only name" });

    expect(twin).not.toBe(identifier);
    mine.close();
    theirs.close();
  });

  it("give nothing to a certificate that nobody pinned, or to none", async () => {
    const stranger = await createSelfSigned({ commonName: "stranger" });
    const endpoint = inject("product").kmip[0];
    const client = new KmipClient({
      host: endpoint?.host ?? "",
      port: endpoint?.port ?? 0,
      cert: stranger.certPem,
      key: stranger.keyPem,
    });

    await expect(client.create()).rejects.not.toBeInstanceOf(KmipOperationError);

    const received = await new Promise<number>((resolve) => {
      let bytes = 0;
      const socket = connect({ host: endpoint?.host, port: endpoint?.port, rejectUnauthorized: false });

      socket.on("data", (chunk) => {
        bytes += chunk.length;
      });
      socket.on("secureConnect", () => socket.write(Buffer.from("4200780100000000", "hex")));
      socket.on("error", () => resolve(bytes));
      socket.on("close", () => resolve(bytes));
    });

    expect(received).toBe(0);

    // The operator can see who knocked.
    await expect
      .poll(async () => JSON.stringify((await house.api("GET", "/endpoints")).body), { timeout: 15_000 })
      .toContain(stranger.sha256);
  });

  it("cannot pin the same certificate twice, wherever", async () => {
    const instance = await orderInstance(house);
    const second = await house.api("POST", "/instances", {
      name: `${instance.name}-second`,
      region: "eu-de",
      clientCertificates: [{ name: "vcenter", pem: instance.certificate.certPem }],
    });

    expect(second).toMatchObject({ status: 409, body: { code: "CERTIFICATE_IN_USE" } });

    const again = await house.api("POST", `/instances/${instance.id}/client-certificates`, {
      name: "again",
      pem: instance.certificate.certPem,
    });

    expect(again).toMatchObject({ status: 409, body: { code: "CERTIFICATE_IN_USE" } });
  });
});
