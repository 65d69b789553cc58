import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LogFile } from "./output";

const LIMITS = { maxBytes: 1_000, files: 3 };
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kmip-console-log-"));
  file = join(folder, "kmip-1.log");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const noSpace = () => Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

describe("the log of a process", () => {
  it("is exchanged while the process runs, and a few files of it are kept", () => {
    const log = new LogFile(file, LIMITS);

    for (let line = 0; line < 200; line += 1) {
      log.line(`${line} `.padEnd(99, "."));
    }

    expect(readdirSync(folder).sort()).toEqual(["kmip-1.log", "kmip-1.log.1", "kmip-1.log.2"]);

    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1_100);
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }

    expect(readFileSync(file, "utf8")).toMatch(/^199 /m);
  });

  it("is never exchanged within a line", () => {
    const log = new LogFile(file, LIMITS);

    for (let part = 0; part < 300; part += 1) {
      log.append(Buffer.from(`half of ${part}, `.padEnd(50, ".")));
      log.append(Buffer.from("and the rest\n"));
    }

    for (const name of readdirSync(folder)) {
      expect(readFileSync(join(folder, name), "utf8")).toMatch(/^(half of \d+, \.+and the rest\n)+$/);
    }
  });

  it("loses lines on a full disk, goes on, and says how many when there is room again", () => {
    let room = Number.POSITIVE_INFINITY;
    const log = new LogFile(file, LIMITS, (descriptor, bytes) => {
      if (room === 0) {
        throw noSpace();
      }

      const written = writeSync(descriptor, bytes.subarray(0, room));

      room -= written;

      return written;
    });

    log.line("before");
    room = 4;
    log.append(Buffer.from("lost 1\nlost 2\n"));
    log.line("lost 3");
    room = Number.POSITIVE_INFINITY;
    log.line("after");

    const [first, half, note, last] = readFileSync(file, "utf8").split("\n");

    expect([first, half, last]).toEqual(["before", "lost", "after"]);
    expect(JSON.parse(note ?? "")).toMatchObject({ level: 40, lost: 3, code: "ENOSPC" });
  });

  it.runIf(existsSync("/dev/full"))("survives a disk that is full for good", () => {
    symlinkSync("/dev/full", file);

    const log = new LogFile(file, LIMITS);

    for (let line = 0; line < 1_000; line += 1) {
      log.line("no room");
    }
  });

  it("survives that its folder is gone", () => {
    const log = new LogFile(join(folder, "gone", "x.log"), LIMITS);

    log.line("nowhere");
  });
});
