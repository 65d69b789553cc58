import { parseArgs } from "node:util";

type Command = {
  /** How it is called, after its name. */
  readonly synopsis: string;
  readonly summary: string;
  /** @returns exit code */
  run(args: string[]): Promise<number>;
};

export type Commands = { readonly [name: string]: Command };

/** A wrong call (exit code 2) or an expected trouble (1). */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

/** The help text. */
export function usage(commands: Commands): string {
  const lines = Object.entries(commands).map(
    ([name, command]) => `  ${`${name} ${command.synopsis}`.trim()}\n      ${command.summary}`,
  );

  return ["usage: npm run -s cli -- COMMAND", "", ...lines].join("\n");
}

/** The options of a command, all with a value. @throws CliError for others */
export function options<Names extends string>(
  args: string[],
  names: readonly Names[],
): Partial<Record<Names, string>> {
  try {
    const { values } = parseArgs({
      args,
      strict: true,
      options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    });

    return values as Partial<Record<Names, string>>;
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), 2);
  }
}

/** Writes a line of a command's answer. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
