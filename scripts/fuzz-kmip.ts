/** `npm run fuzz:kmip -- --frames N | --seconds S [--seed X]`: damaged messages against the codec and the engine. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { FuzzFailure, fuzz } from "./lib/kmip-fuzzer";

const { values } = parseArgs({
  options: { frames: { type: "string" }, seconds: { type: "string" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? randomInt(2 ** 31));
const frames = values.frames === undefined ? undefined : Number(values.frames);
const seconds = values.seconds === undefined ? undefined : Number(values.seconds);

if ([seed, frames ?? 1, seconds ?? 1].some((value) => !Number.isFinite(value) || value < 0)) {
  process.stderr.write("--frames, --seconds and --seed are numbers\n");
  process.exit(2);
}
if (frames === undefined && seconds === undefined) {
  process.stderr.write("--frames N or --seconds S says when to stop\n");
  process.exit(2);
}

const started = performance.now();

try {
  const counts = await fuzz({
    seed,
    ...(frames === undefined ? {} : { frames }),
    ...(seconds === undefined ? {} : { milliseconds: seconds * 1_000 }),
    onProgress: (soFar) => process.stderr.write(`${soFar.frames} frames\n`),
  });
  const took = Number(((performance.now() - started) / 1_000).toFixed(1));
  process.stdout.write(`${JSON.stringify({ fuzz: "kmip", seed, seconds: took, ...counts }, null, 2)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof FuzzFailure ? error.message : String(error)}\n`);
  process.stderr.write(
    `${error instanceof Error && error.cause instanceof Error ? error.cause.stack : ""}\n`,
  );
  process.exit(1);
}
