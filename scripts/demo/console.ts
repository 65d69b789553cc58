import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../cli.mjs", import.meta.url));

/** Runs the command line beside the running product; resolves with what it printed. @throws Error with its message */
export function cli(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CLI, ...args], (error, stdout, stderr) => {
      if (error) {
        reject(new Error(stderr.trim() || error.message));
      } else {
        resolve(stdout.trim());
      }
    });
  });
}

/** The REST API with a token; answers the body. @throws Error with the problem's code and detail */
export class ConsoleApi {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
  }

  async call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#base}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();

    if (!response.ok) {
      const problem = JSON.parse(text || "{}") as { code?: string; detail?: string };

      throw new Error(`${method} ${path}: ${problem.code ?? response.status} ${problem.detail ?? ""}`);
    }

    return (text ? JSON.parse(text) : null) as Answer;
  }
}
