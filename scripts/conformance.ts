/**
 * Replays KMIP test cases in the XML encoding against a server and says what differs:
 *   npm run conformance -- PATH [--only NAME] [--version 1.2] [--json]
 *                          [--host H --port P --cert FILE --key FILE [--https-port P]]
 * Without --host, a server with everything in memory is started for each family of cases. The exit code is 0 if all
 * cases pass, 1 if one does not, 2 if they cannot be run.
 */
import { parseArgs } from "node:util";
import { readCases, type TestCase } from "./conformance/cases";
import { type CaseResult, Family, type RunOptions } from "./conformance/runner";
import { readIdentity, remoteTarget, startLocalServer } from "./conformance/targets";
import { isCaseOf } from "./conformance/versions";

const USAGE = `usage: npm run conformance -- PATH [--only NAME] [--version 1.2] [--json]
         [--host HOST --port PORT --cert FILE --key FILE [--https-port PORT]]`;

/** The command line cannot be understood. */
class UsageError extends Error {}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        only: { type: "string" },
        version: { type: "string" },
        json: { type: "boolean" },
        host: { type: "string" },
        port: { type: "string" },
        "https-port": { type: "string" },
        cert: { type: "string" },
        key: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`${text} is no port`);
  }
  return port;
}

/** Cases by family, in the order in which they are run. */
function byFamily(cases: readonly TestCase[]): readonly (readonly TestCase[])[] {
  const families = new Map<string, TestCase[]>();
  for (const testCase of cases) {
    families.set(testCase.family, [...(families.get(testCase.family) ?? []), testCase]);
  }
  return [...families.values()];
}

async function runFamily(
  cases: readonly TestCase[],
  values: ReturnType<typeof readArguments>["values"],
  report: (result: CaseResult) => void,
): Promise<void> {
  const options: RunOptions = values.version === undefined ? {} : { version: values.version };
  const family = new Family();
  const { host, port, cert, key } = values;
  const httpsPort = values["https-port"];
  if (host === undefined) {
    const local = await startLocalServer();
    try {
      for (const testCase of cases) {
        report(await family.run(testCase, local.target, options));
      }
    } finally {
      await local.close();
    }
    return;
  }
  if (port === undefined || cert === undefined || key === undefined) {
    throw new UsageError("--host needs --port, --cert and --key");
  }
  const target = remoteTarget({
    host,
    port: portOf(port),
    ...readIdentity(cert, key),
    ...(httpsPort === undefined ? {} : { httpsPort: portOf(httpsPort) }),
  });
  for (const testCase of cases) {
    report(await family.run(testCase, target, options));
  }
}

function print({ name, failure }: CaseResult): void {
  if (failure === null) {
    console.log(`pass  ${name}`);
    return;
  }
  const { step, difference, reason } = failure;
  console.log(`FAIL  ${name}  request ${step}, ${difference.path}`);
  console.log(`        expected  ${difference.expected}`);
  console.log(`        got       ${difference.got}`);
  if (reason !== null) {
    console.log(`        reason    ${reason}`);
  }
}

async function main(): Promise<number> {
  const { positionals, values } = readArguments();
  const [path] = positionals;
  if (path === undefined || positionals.length !== 1) {
    throw new UsageError("one file or folder is needed");
  }
  if (values.version !== undefined && !/^\d\.\d$/.test(values.version)) {
    throw new UsageError(`${values.version} is no version`);
  }
  const { only, version } = values;
  const named = readCases(path).filter(({ name }) => only === undefined || name.includes(only));
  const cases = named.filter((testCase) => version === undefined || isCaseOf(testCase, version));
  if (cases.length === 0) {
    throw new UsageError("no test case of that name and version");
  }
  const results: CaseResult[] = [];
  for (const family of byFamily(cases)) {
    await runFamily(family, values, (result) => {
      results.push(result);
      if (values.json !== true) {
        print(result);
      }
    });
  }
  const passed = results.filter(({ failure }) => failure === null).length;
  const leftOut = named.length - cases.length;
  if (values.json === true) {
    console.log(JSON.stringify({ cases: results.length, passed, leftOut, results }, null, 2));
  } else {
    const others = leftOut === 0 ? "" : `; ${leftOut} ask for operations that ${version} does not have`;
    console.log(`\n${passed} of ${results.length} cases pass, ${results.length - passed} fail${others}`);
  }
  return passed === results.length ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    if (error instanceof UsageError) {
      console.error(USAGE);
    }
    process.exitCode = 2;
  },
);
