/**
 * `npm run -s cli -- COMMAND`: what an operator does from a shell, beside a running `npm start` with the same
 * environment. Answers go to stdout alone, so that scripts can take them; everything else goes to stderr.
 */
import { AppError } from "@/lib/core/errors";
import { commands } from "./cli/commands";
import { CliError, usage } from "./cli/usage";

const [group = "", ...rest] = process.argv.slice(2);
const name = commands[`${group} ${rest[0] ?? ""}`] ? `${group} ${rest[0]}` : group;
const command = commands[name];

async function main(): Promise<number> {
  if (!command) {
    process.stderr.write(`${usage(commands)}\n`);

    return group === "" || group === "help" || group === "--help" ? 0 : 2;
  }

  return command.run(name.includes(" ") ? rest.slice(1) : rest);
}

/** What the operator reads: the API's words, where an error's are in the messages. */
async function messageOf(error: unknown): Promise<string> {
  if (error instanceof AppError && error.text !== undefined) {
    const { describeError } = await import("@/lib/api/texts/errors");

    return describeError(error).message;
  }

  return error instanceof Error ? error.message : String(error);
}

main().then(
  (code) => process.exit(code),
  async (error: unknown) => {
    // Messages of our errors are written for the operator and hold no secret.
    process.stderr.write(`${await messageOf(error)}\n`);
    process.exit(error instanceof CliError ? error.exitCode : 1);
  },
);
