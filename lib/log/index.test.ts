import { describe, expect, it } from "vitest";
import { captureConsole, createLogger, describeError } from "./index";

function capture(write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = "";
  const logger = createLogger("test", {}, { write: (line: string) => (text += line) });

  write(logger);

  return text;
}

describe("logger", () => {
  it("writes JSON with time, name and level", () => {
    const line = JSON.parse(capture((logger) => logger.info({ zone: 1 }, "up")));

    expect(line).toMatchObject({ name: "test", level: 30, zone: 1, msg: "up" });
    expect(Date.parse(line.time)).not.toBeNaN();
  });

  it.each([
    "apiKey",
    "authorization",
    "Authorization",
    "cookie",
    "set-cookie",
    "IAM-ApiKey",
    "password",
    "token",
    "access_token",
    "privateKey",
    "pem",
    "plaintext",
    "material",
    "payload",
    "secret",
    "databaseUrl",
  ])("hides %s at three depths", (field) => {
    const secret = "s3cr3t-value";
    const text = capture((logger) => {
      logger.info({ [field]: secret }, "a");
      logger.info({ request: { [field]: secret } }, "b");
      logger.info({ request: { headers: { [field]: secret } } }, "c");
    });

    expect(text).not.toContain(secret);
    expect(text.match(/\[redacted\]/g)).toHaveLength(3);
  });

  it("describes errors by message and cause, without members that may hold bodies", () => {
    const error = Object.assign(new Error("refused", { cause: new Error("why") }), {
      code: "E1",
      response: { body: "s3cr3t-value" },
    });
    const text = capture((logger) => logger.error({ err: error }, "failed"));

    expect(text).not.toContain("s3cr3t-value");
    expect(describeError(error)).toMatchObject({ message: "refused", code: "E1", cause: { message: "why" } });
  });

  it("takes what libraries print, and leaves out what nobody has looked at", () => {
    const printed = { ...console } as Console;
    const text = capture((logger) => {
      captureConsole(logger, printed);
      printed.log("\u001b[32m✓\u001b[39m Ready in %dms", 12);
      printed.warn("odd", { apiKey: "s3cr3t-value" });
      printed.error(
        " ⨯",
        Object.assign(new Error("page failed"), { digest: "78662079", body: "s3cr3t-value" }),
      );
    });
    const lines = text.trim().split("\n");

    expect(text).not.toContain("s3cr3t-value");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 30, msg: "✓ Ready in 12ms" },
      { level: 40, msg: "odd [object]" },
      { level: 50, msg: " ⨯", err: { message: "page failed", digest: "78662079" } },
    ]);
  });
});
