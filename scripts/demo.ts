/**
 * `npm run demo [-- --hosts 16 --vms 6 --rounds 3]`: a simulated vCenter with ESXi hosts, against a running
 * `npm start` with the same environment. It orders an instance at the sandbox if there is none, makes a key pair,
 * has the console sign its CSR, and then does what a cluster does: makes KEKs, boots all hosts at once, rekeys.
 * The instance and its KEKs stay, to be looked at; the demonstration's certificate is removed at the end.
 */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { parseArgs } from "node:util";
import * as x509 from "@peculiar/x509";
import { env } from "@/lib/env";
import { ConsoleApi, cli } from "./demo/console";
import { type ClientIdentity, createKek, type Endpoint, readKek } from "./demo/vcenter";

const INSTANCE = "demo-vsan";

type Instance = {
  id: string;
  name: string;
  status: string;
  endpoints: { zone: number; host: string; port: number; serverCertificate: { sha256: string } }[];
};
type Credentials = {
  manager: { apiKey: string };
  keyProtect: { crn: string; rootKeys: { id: string; name: string }[] };
};

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function wholeNumber(text: string | undefined, fallback: number, name: string): number {
  const value = text === undefined ? fallback : Number(text);

  if (!Number.isInteger(value) || value < 1 || value > 1_000) {
    throw new Error(`--${name} is a whole number from 1 to 1000`);
  }

  return value;
}

async function findOrOrder(api: ConsoleApi): Promise<Instance> {
  const { items } = await api.call<{ items: Instance[] }>("GET", `/instances?search=${INSTANCE}`);
  const found = items.find(({ name }) => name === INSTANCE);

  if (found) {
    return api.call<Instance>("GET", `/instances/${found.id}`);
  }

  const { manager, keyProtect } = JSON.parse(await cli("sandbox", "credentials")) as Credentials;

  return api.call<Instance>("POST", "/instances", {
    name: INSTANCE,
    region: "us-south",
    keyManager: {
      kind: "key-protect",
      apiKey: manager.apiKey,
      crn: keyProtect.crn,
      crkId: keyProtect.rootKeys[0]?.id,
    },
  });
}

/** A key pair that stays in this process, and a certificate for it that the console signs and pins. */
async function enrol(
  api: ConsoleApi,
  instance: Instance,
): Promise<ClientIdentity & { readonly certificateId: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

  x509.cryptoProvider.set(webcrypto as Crypto);

  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=demo vCenter",
    keys,
    signingAlgorithm: algorithm,
  });
  const signed = await api.call<{ id: string; pem: string }>(
    "POST",
    `/instances/${instance.id}/client-certificates/sign`,
    {
      name: `demo vCenter ${new Date().toISOString()}`,
      csrPem: csr.toString("pem"),
      validDays: 1,
    },
  );
  const privateKey = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = x509.PemConverter.encode(privateKey, "PRIVATE KEY");

  privateKey.fill(0);

  return { certificateId: signed.id, cert: signed.pem, key };
}

/** Every host asks for every KEK at once, each preferring another endpoint, as after a power cut. */
async function boot(
  hosts: number,
  keks: readonly string[],
  endpoints: readonly Endpoint[],
  identity: ClientIdentity,
): Promise<void> {
  const reads = Array.from({ length: hosts }, (_, host) => {
    const preferred = host % 2 === 0 ? endpoints : [...endpoints].reverse();

    return keks.map((kek) => readKek(preferred, identity, kek));
  }).flat();
  const results = await Promise.allSettled(reads);
  const served = results
    .flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))
    .sort((a, b) => a - b);
  const refused = results.length - served.length;
  const median = served[Math.floor(served.length / 2)];

  say(
    `  ${hosts} hosts asked for ${keks.length} KEKs: ${served.length} served` +
      `${median === undefined ? "" : `, median ${median.toFixed(0)} ms`}${refused > 0 ? `, ${refused} refused` : ""}`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { hosts: { type: "string" }, vms: { type: "string" }, rounds: { type: "string" } },
  });
  const hosts = wholeNumber(values.hosts, 16, "hosts");
  const vms = wholeNumber(values.vms, 6, "vms");
  const rounds = wholeNumber(values.rounds, 3, "rounds");
  const settings = env();
  const token = await cli(
    "token",
    "create",
    "--role",
    "administrator",
    "--name",
    "demo",
    "--expires-in-days",
    "1",
  );
  const api = new ConsoleApi(settings.publicUrl, token);
  const instance = await findOrOrder(api);

  if (instance.status !== "installed") {
    throw new Error(
      `The instance ${INSTANCE} is ${instance.status}; see ${settings.publicUrl}/instances/${instance.id}`,
    );
  }

  const endpoints = instance.endpoints.map(({ host, port, serverCertificate }) => ({
    host,
    port,
    sha256: serverCertificate.sha256,
  }));
  const [first] = endpoints;

  if (!first) {
    throw new Error("The instance has no endpoint.");
  }

  const identity = await enrol(api, instance);

  say(`Instance ${INSTANCE}: ${settings.publicUrl}/instances/${instance.id}`);

  try {
    for (let round = 1; round <= rounds; round += 1) {
      say(
        `Round ${round} of ${rounds}: ${round === 1 ? "encrypt" : "shallow rekey of"} one vSAN cluster and ${vms} VMs`,
      );

      const keks: string[] = [];

      for (let index = 0; index <= vms; index += 1) {
        keks.push(await createKek(endpoints[index % endpoints.length] ?? first, identity));
      }

      say(`  vCenter made ${keks.length} KEKs`);
      await boot(hosts, keks, endpoints, identity);
    }
  } finally {
    await api.call("DELETE", `/instances/${instance.id}/client-certificates/${identity.certificateId}`);
  }

  say(`Look at them: ${settings.publicUrl}/instances/${instance.id}/keks`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
