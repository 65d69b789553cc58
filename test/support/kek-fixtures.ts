import { randomBytes, randomUUID, X509Certificate } from "node:crypto";
import type { Actor, Role } from "@/lib/core/actor";
import type { Database } from "@/lib/db";
import type { Prisma } from "@/lib/db/generated/client";
import { termsOf } from "@/lib/kmip/attributes/terms";
import type { EngineLogger, NewManagedObject, StoredAttributes, Tenant } from "@/lib/kmip/ports";
import type { TestCertificate } from "./certificates";

/** A logger that keeps what it was told. */
export function recordingLogger(): EngineLogger & { readonly lines: { level: string; message: string }[] } {
  const lines: { level: string; message: string }[] = [];
  const at = (level: string) => (_fields: object, message: string) => {
    lines.push({ level, message });
  };

  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A clock that stands until it is moved. */
export function manualClock(start = new Date("2026-12-01T10:00:00.000Z")) {
  let now = start.getTime();

  return {
    now: () => new Date(now),
    advance(milliseconds: number) {
      now += milliseconds;
    },
  };
}

/** An actor of an account. */
export function actorOf(accountId: string, role: Role = "administrator", id: string = randomUUID()): Actor {
  return {
    kind: "user",
    id,
    name: `${role} ${id.slice(0, 4)}`,
    accountId,
    role,
    remoteAddress: "192.0.2.7",
    userAgent: "test",
    requestId: randomUUID(),
  };
}

export async function addAccount(database: Database): Promise<string> {
  const { id } = await database.prisma.account.create({ data: { name: "Account" } });

  return id;
}

/** Columns of an instance that tests choose; the others are those of an installed one. */
export type InstanceColumns = Pick<Prisma.InstanceUncheckedCreateInput, "crkId"> &
  Partial<Prisma.InstanceUncheckedCreateInput>;

/** The row of an installed instance. @returns its id */
export async function addInstanceRow(
  database: Database,
  accountId: string,
  columns: InstanceColumns,
): Promise<string> {
  const { id } = await database.prisma.instance.create({
    data: {
      accountId,
      name: `instance-${randomUUID()}`,
      region: "eu-de",
      status: "installed",
      keyManagerKind: "key-protect",
      keyManagerGuid: randomUUID(),
      keyManagerEndpoint: "http://127.0.0.1:9",
      createdBy: "test",
      ...columns,
    },
  });

  return id;
}

/** An installed instance with one client certificate. */
export async function addInstance(
  database: Database,
  accountId: string,
  columns: InstanceColumns,
): Promise<{ instanceId: string; tenant: Tenant }> {
  const instanceId = await addInstanceRow(database, accountId, columns);

  return { instanceId, tenant: await addCertificate(database, instanceId) };
}

/** Pins a certificate; without one, a row that only the fingerprint matters of. */
export async function addCertificate(
  database: Database,
  instanceId: string,
  pinned?: Pick<TestCertificate, "certPem" | "sha256"> & {
    readonly name?: string;
    readonly createdAt?: Date;
  },
): Promise<Tenant> {
  const { validFrom, validTo } =
    pinned === undefined
      ? { validFrom: "2026-01-01T00:00:00Z", validTo: "2036-01-01T00:00:00Z" }
      : new X509Certificate(pinned.certPem);
  const certificate = await database.prisma.clientCertificate.create({
    data: {
      instanceId,
      name: pinned?.name ?? `vcenter-${randomUUID()}`,
      sha256: pinned?.sha256 ?? randomBytes(32).toString("hex"),
      pem: pinned?.certPem ?? "-",
      subject: "CN=vcenter",
      issuer: "CN=vcenter",
      serialNumber: "01",
      notBefore: new Date(validFrom),
      notAfter: new Date(validTo),
      keyAlgorithm: "RSA",
      createdBy: "test",
      ...(pinned?.createdAt === undefined ? {} : { createdAt: pinned.createdAt }),
    },
  });

  return {
    instanceId,
    certificateId: certificate.id,
    certificateSha256: certificate.sha256,
    policy: { activateOnCreate: false, serveCompromised: true },
  };
}

/** An AES-256 key as the engine hands it over. */
export function newObject(
  options: { state?: number; attributes?: StoredAttributes; uniqueIdentifier?: string } = {},
): NewManagedObject {
  const attributes = options.attributes ?? {};

  return {
    uniqueIdentifier: options.uniqueIdentifier ?? randomUUID(),
    objectType: 2,
    state: options.state ?? 1,
    attributes,
    terms: termsOf(attributes),
    cryptographicAlgorithm: 3,
    cryptographicLength: 256,
    cryptographicUsageMask: 12,
  };
}

/** One custom text attribute. */
export function custom(name: string, value: string): StoredAttributes {
  return { [name]: [{ i: 0, v: { t: "text", v: value } }] };
}

/** Waits until a condition holds. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (await condition()) {
      return;
    }

    await new Promise((resolve) => setTimeout(resolve, 10));
  }

  throw new Error(`It did not come to be that ${what}.`);
}
