/**
 * `npm run bench:kmip`: load on a KMIP endpoint, beside PyKMIP's server and a bare TLS server on the same machine.
 *
 * Without `--host` it starts a product of its own, with the sandbox. Figures of one run compare with each other and
 * with nothing else: all processes, the client among them, share the machine.
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { drive, type Endpoint, type Figures } from "./lib/driver";
import { type ProcessorTime, processorTime } from "./lib/processor-time";
import { locateScale } from "./lib/scale";
import {
  isPykmipThere,
  startBareTarget,
  startProductTarget,
  startPykmipTarget,
  type Target,
} from "./lib/targets";
import { fill, type Stock, sampleGet, turnsOf, WORKLOADS, type Workload } from "./lib/workloads";

/** Not one of the usual ones: to make the objects takes minutes. */
const SCALE = "locate-scale";
const USAGE = `npm run bench:kmip -- [options]
  --host HOST --port PORT --cert FILE --key FILE   a running endpoint; default: a product started for the bench
  --connections 32      kept open, or made anew by connect-get
  --seconds 5           of each measurement
  --rounds 1            measurements of each server, taken in turns; the median counts
  --workload NAME       ${WORKLOADS.join(" | ")}; may be repeated; default: all;
                        and ${SCALE}: Locate among few and many objects of a product started for the bench
  --few 10000, --many 1000000    objects of ${SCALE}
  --no-pykmip           without PyKMIP's server (it is left out where it is not installed)
  --no-bare             without the bare TLS server
  --profile DIR         CPU profiles of the started product's processes (a folder that exists)
`;
/** What a workload takes of a server before it is measured. */
const WARM_UP_MS = 1_000;
const MAX_SECONDS = 600;

const { values } = parseArgs({
  options: {
    host: { type: "string" },
    port: { type: "string" },
    cert: { type: "string" },
    key: { type: "string" },
    connections: { type: "string", default: "32" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "1" },
    workload: { type: "string", multiple: true, default: [...WORKLOADS] },
    few: { type: "string", default: "10000" },
    many: { type: "string", default: "1000000" },
    "no-pykmip": { type: "boolean", default: false },
    "no-bare": { type: "boolean", default: false },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function whole(name: "connections" | "seconds" | "rounds" | "few" | "many", max: number): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new Error(`--${name} is a whole number from 1 to ${max}`);
  }
  return value;
}

function isWorkload(name: string): name is Workload {
  return WORKLOADS.some((workload) => workload === name);
}

/** The endpoint that the user names, or null. @throws Error where only half of it is given */
function givenEndpoint(): Endpoint | null {
  const { host, port, cert, key } = values;
  if (host === undefined) {
    return null;
  }
  if (port === undefined || cert === undefined || key === undefined) {
    throw new Error("--host needs --port, --cert and --key");
  }
  return { host, port: Number(port), cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

type Contender = {
  readonly pid: number | undefined;
  readonly name: "kmip" | "pykmip" | "bare";
  readonly endpoint: Endpoint;
  readonly stock: Stock;
};

/** PyKMIP has no Add Attribute; the bare server answers nothing but Get. */
function takesPart({ name }: Contender, workload: Workload): boolean {
  if (name === "pykmip") {
    return workload !== "vcenter";
  }
  return name === "kmip" || workload === "get" || workload === "connect-get";
}

async function measure(
  contender: Contender,
  workload: Workload,
  connections: number,
  seconds: number,
): Promise<Measurement> {
  const { turns, close } = await turnsOf(workload, contender.endpoint, contender.stock, connections);
  try {
    await drive(turns, WARM_UP_MS);
    const before = contender.pid === undefined ? null : processorTime(contender.pid);
    const figures = await drive(turns, seconds * 1_000);
    const after = contender.pid === undefined ? null : processorTime(contender.pid);
    return { ...figures, ...perTurn(before, after, figures.turns) };
  } finally {
    close();
  }
}

/** With the milliseconds of processor time that the server and its helpers took for a turn, where that is known. */
type Measurement = Figures & {
  readonly serverCpu: number | null;
  /** The same, by process. */
  readonly serverCpuBy: { readonly [program: string]: number } | null;
};

function perTurn(
  before: ProcessorTime | null,
  after: ProcessorTime | null,
  turns: number,
): Pick<Measurement, "serverCpu" | "serverCpuBy"> {
  if (before === null || after === null) {
    return { serverCpu: null, serverCpuBy: null };
  }
  const spent = [...after].map(([program, ms]) => [program, ms - (before.get(program) ?? 0)] as const);
  const perOne = (ms: number): number => Number((ms / turns).toFixed(4));
  return {
    serverCpu: perOne(spent.reduce((sum, [, ms]) => sum + ms, 0)),
    serverCpuBy: Object.fromEntries(spent.map(([program, ms]) => [program, perOne(ms)])),
  };
}

/** The measurement in the middle. */
function median(rounds: readonly Measurement[]): Measurement | null {
  const sorted = [...rounds].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** How much more one server does with the processor time that a turn takes in all, the client's included. */
function perProcessorTime(a: Measurement | null, b: Measurement | null): number | null {
  if (a === null || b === null || a.serverCpu === null || b.serverCpu === null) {
    return null;
  }
  return Number(((b.serverCpu + b.clientCpu) / (a.serverCpu + a.clientCpu)).toFixed(3));
}

const ratio = (a: Figures | null, b: Figures | null): number | null =>
  a === null || b === null || b.perSecond === 0 ? null : Number((a.perSecond / b.perSecond).toFixed(3));

/** Processes that want to run, on the average of the last minute. */
const load = (): number => Number((loadavg()[0] ?? 0).toFixed(2));

async function main(): Promise<void> {
  const connections = whole("connections", 10_000);
  const seconds = whole("seconds", MAX_SECONDS);
  const rounds = whole("rounds", 20);
  const few = whole("few", 100_000_000);
  const many = whole("many", 100_000_000);
  const named = values.workload.filter((name) => name !== SCALE);
  const scales = named.length < values.workload.length;
  const workloads = named.filter(isWorkload);
  if (workloads.length !== named.length) {
    throw new Error(`--workload: ${WORKLOADS.join(", ")}, ${SCALE}`);
  }
  const started: Target[] = [];
  // A bench that is cut off leaves no server behind.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      void Promise.allSettled(started.map((target) => target.close())).then(() => process.exit(130));
    });
  }
  const begin = async <T extends Target>(target: Promise<T>): Promise<T> => {
    const running = await target;
    started.push(running);
    return running;
  };
  try {
    const given = givenEndpoint();
    const own = given === null ? await begin(startProductTarget(values.profile)) : null;
    const endpoint = given ?? own?.endpoint;
    if (endpoint === undefined) {
      throw new Error("there is no endpoint");
    }
    const stock = await fill(endpoint);
    const sample = await sampleGet(endpoint, stock);
    const contenders: Contender[] = [{ name: "kmip", endpoint, stock, pid: own?.pid }];
    if (!values["no-bare"] && workloads.length > 0) {
      const bare = await begin(
        startBareTarget({
          client: endpoint,
          keyType: sample.serverKeyType,
          certificates: sample.serverCertificates,
          requestBytes: sample.request.length,
          response: sample.response,
        }),
      );
      contenders.push({ name: "bare", ...bare, stock });
    }
    if (!values["no-pykmip"] && workloads.length > 0 && isPykmipThere()) {
      const pykmip = await begin(startPykmipTarget());
      contenders.push({ name: "pykmip", ...pykmip, stock: await fill(pykmip.endpoint) });
    }
    const loadBefore = load();
    const results: { [workload: string]: unknown } = {};
    for (const workload of workloads) {
      const figures = new Map<string, Measurement[]>();
      for (let round = 0; round < rounds; round += 1) {
        for (const contender of contenders.filter((each) => takesPart(each, workload))) {
          const list = figures.get(contender.name) ?? [];
          figures.set(contender.name, list);
          list.push(await measure(contender, workload, connections, seconds));
        }
      }
      const of = (name: Contender["name"]) => median(figures.get(name) ?? []);
      const [kmip, bare, pykmip] = [of("kmip"), of("bare"), of("pykmip")];
      results[workload] = {
        kmip,
        bare,
        pykmip,
        ratios: { toBare: ratio(kmip, bare), toPykmip: ratio(kmip, pykmip) },
        perProcessorTime: { toBare: perProcessorTime(kmip, bare), toPykmip: perProcessorTime(kmip, pykmip) },
      };
    }
    if (scales) {
      if (own === null) {
        throw new Error(`${SCALE} needs a product started for the bench`);
      }
      results[SCALE] = await locateScale(own, { few, many, connections, seconds, rounds });
    }
    const report = {
      bench: "kmip",
      connections,
      seconds,
      rounds,
      cores: cpus().length,
      // Others at work on the machine make figures small and ratios unsteady.
      load: { before: loadBefore, after: load() },
      node: process.versions.node,
      tls: {
        protocol: sample.protocol,
        serverKey: sample.serverKeyType,
        serverCertificates: sample.serverCertificates,
      },
      bytes: { getRequest: sample.request.length, getResponse: sample.response.length },
      results,
    };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } finally {
    for (const target of started.reverse()) {
      await target.close();
    }
  }
}

if (values.help) {
  process.stdout.write(USAGE);
} else {
  await main();
}
