import { join } from "node:path";
import { z } from "zod";
import { env } from "@/lib/env";
import { readControlToken, readSandboxCredentials } from "@/sandbox";
import { authorizeInSandbox } from "./authorize-in-sandbox";
import { CliError, type Commands, options, print } from "./usage";

const TIMEOUT_MS = 10_000;
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function sandboxFolder(): { folder: string; url: string } {
  const settings = env();

  if (!settings.sandboxUrl) {
    throw new CliError("The sandbox is off (SANDBOX_PORT=off).");
  }

  return { folder: join(settings.DATA_DIR, "sandbox"), url: settings.sandboxUrl };
}

async function controls(): Promise<{ url: string; token: string }> {
  const { folder } = sandboxFolder();
  const port = env().SANDBOX_CONTROL_PORT;

  if (port === "off") {
    throw new CliError(
      "The sandbox's controls are off. Start with SANDBOX_CONTROL_PORT set, and set it here as well.",
    );
  }

  return { url: `http://127.0.0.1:${port}`, token: await readControlToken(folder) };
}

const refusalSchema = z.object({ error: z.string() });

/** Calls the controls and prints what they answer. */
async function control(method: string, path: string, body?: unknown): Promise<number> {
  const { url, token } = await controls();
  let response: Response;

  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new CliError(`The sandbox's controls at ${url} do not answer. Is it running, with the same port?`);
  }

  const text = await response.text();
  const json: unknown = text === "" ? null : JSON.parse(text);

  if (!response.ok) {
    const refusal = refusalSchema.safeParse(json);

    throw new CliError(refusal.success ? refusal.data.error : `The controls answer ${response.status}.`, 2);
  }

  if (json !== null) {
    print(JSON.stringify(json, null, 2));
  }

  return 0;
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }

  const value = Number(text);

  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new CliError(`--${name} is a number`, 2);
  }

  return value;
}

/** A length of time such as `90s`, `-1h` or `30d`, in milliseconds. */
function durationOf(name: string, text: string): number {
  const [, number = "", unit = ""] = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = Object.entries(UNITS).find(([name]) => name === unit)?.[1];

  if (factor === undefined) {
    throw new CliError(`--${name} is a length of time such as 90s, 15m, 2h or 30d`, 2);
  }

  return Math.round(Number(number) * factor);
}

function switchOf(name: string, text: string | undefined): boolean {
  if (text !== "true" && text !== "false") {
    throw new CliError(`--${name} is true or false`, 2);
  }

  return text === "true";
}

function required(name: string, text: string | undefined): string {
  if (!text) {
    throw new CliError(`--${name} is missing`, 2);
  }

  return text;
}

/** The parts of a list with commas, without empty ones. */
function listOf(text: string | undefined): string[] {
  return (text ?? "").split(",").flatMap((part) => part.trim() || []);
}

const MATCH = ["service", "method", "route", "instance", "rate", "skip", "times"] as const;
const MATCH_SYNOPSIS =
  "[--service key-manager|resource-controller|iam] [--method M] [--route PATTERN] [--instance GUID] [--rate 0..1] [--skip N] [--times N]";

/** Options that say which requests a fault is for, and how often. */
function matchOf(values: Partial<Record<(typeof MATCH)[number], string>>): Record<string, unknown> {
  const { rate, skip, times, ...which } = values;

  return {
    ...which,
    rate: numberOf("rate", rate),
    skip: numberOf("skip", skip),
    times: numberOf("times", times),
  };
}

export const sandboxCommands: Commands = {
  "sandbox credentials": {
    synopsis: "",
    summary: "Prints the sandbox's accounts, service ID API keys, key managers and root keys as JSON.",
    async run() {
      const { folder, url } = sandboxFolder();

      print(JSON.stringify(await readSandboxCredentials({ dataDir: folder, baseUrl: url }), null, 2));

      return 0;
    },
  },
  "sandbox authorize": {
    synopsis: "--instance INSTANCE_ID",
    summary: "Lets an ordered instance use the sandbox's HPCS instance, as a person does in IAM.",
    async run(args) {
      const { instance } = options(args, ["instance"]);

      print(await authorizeInSandbox(env(), required("instance", instance)));

      return 0;
    },
  },
  "sandbox control": {
    synopsis: "",
    summary: "Prints URL and token of the sandbox's controls as JSON (SANDBOX_CONTROL_PORT must be set).",
    async run() {
      print(JSON.stringify(await controls(), null, 2));

      return 0;
    },
  },
  "sandbox state": {
    synopsis: "",
    summary: "Shows the sandbox's clock, waits and the faults in force.",
    run: () => control("GET", "/state"),
  },
  "sandbox reset": {
    synopsis: "",
    summary: "Takes all faults back, and clock and waits to what they were. Roles and API keys stay.",
    run: () => control("DELETE", "/state"),
  },
  "sandbox latency": {
    synopsis: `--ms N [--jitter-ms N] ${MATCH_SYNOPSIS}`,
    summary: "Delays the sandbox's answers.",
    run(args) {
      const { ms, "jitter-ms": jitter, ...match } = options(args, ["ms", "jitter-ms", ...MATCH]);

      return control("POST", "/faults", {
        kind: "latency",
        ms: numberOf("ms", required("ms", ms)),
        jitterMs: numberOf("jitter-ms", jitter),
        ...matchOf(match),
      });
    },
  },
  "sandbox error": {
    synopsis: `--status N [--code CODE] [--retry-after SECONDS] ${MATCH_SYNOPSIS}`,
    summary: "Lets the sandbox refuse requests with a status.",
    run(args) {
      const {
        status,
        code,
        "retry-after": retryAfter,
        ...match
      } = options(args, ["status", "code", "retry-after", ...MATCH]);

      return control("POST", "/faults", {
        kind: "error",
        status: numberOf("status", required("status", status)),
        code,
        retryAfterSeconds: numberOf("retry-after", retryAfter),
        ...matchOf(match),
      });
    },
  },
  "sandbox throttle": {
    synopsis: `--per-second N [--burst N] [--retry-after SECONDS] ${MATCH_SYNOPSIS}`,
    summary: "Lets the sandbox refuse with 429 what exceeds so many requests a second.",
    run(args) {
      const {
        "per-second": perSecond,
        burst,
        "retry-after": retryAfter,
        ...match
      } = options(args, ["per-second", "burst", "retry-after", ...MATCH]);

      return control("POST", "/faults", {
        kind: "throttle",
        perSecond: numberOf("per-second", required("per-second", perSecond)),
        burst: numberOf("burst", burst),
        retryAfterSeconds: numberOf("retry-after", retryAfter),
        ...matchOf(match),
      });
    },
  },
  "sandbox cut": {
    synopsis: `[--when before|after] ${MATCH_SYNOPSIS}`,
    summary: "Cuts connections before a request is carried out, or after it and before the answer.",
    run(args) {
      const { when, ...match } = options(args, ["when", ...MATCH]);

      return control("POST", "/faults", { kind: "cut", when, ...matchOf(match) });
    },
  },
  "sandbox hang": {
    synopsis: MATCH_SYNOPSIS,
    summary: "Lets requests wait for an answer that does not come.",
    run: (args) => control("POST", "/faults", { kind: "hang", ...matchOf(options(args, MATCH)) }),
  },
  "sandbox heal": {
    synopsis: "[--fault ID]",
    summary: "Takes one fault back, or all of them.",
    run(args) {
      const { fault } = options(args, ["fault"]);

      return control("DELETE", fault === undefined ? "/faults" : `/faults/${encodeURIComponent(fault)}`);
    },
  },
  "sandbox clock": {
    synopsis: "--advance TIME | --offset TIME",
    summary: "Moves the sandbox's clock: on by a time such as 2h, or to an offset from the real one.",
    run(args) {
      const { advance, offset } = options(args, ["advance", "offset"]);

      if ((advance === undefined) === (offset === undefined)) {
        throw new CliError("either --advance or --offset", 2);
      }

      return control(
        "PUT",
        "/clock",
        advance === undefined
          ? { offsetMs: durationOf("offset", offset ?? "") }
          : { advanceMs: durationOf("advance", advance) },
      );
    },
  },
  "sandbox waits": {
    synopsis: "--enforced true|false",
    summary: "Enforces the real services' waits (30 s before enable, an hour between rotations …) or not.",
    run: (args) =>
      control("PUT", "/waits", { relaxed: !switchOf("enforced", options(args, ["enforced"]).enforced) }),
  },
  "sandbox roles": {
    synopsis:
      "--service-id manager|viewerOnly|ID --instance keyProtect|hpcs|GUID [--roles Viewer,Manager] [--key-ring RING] [--access-group NAME] [--custom-role NAME --actions secrets.wrap,…]",
    summary:
      "Gives a service ID these roles on an instance in the place of all others; none without --roles.",
    async run(args) {
      const {
        "service-id": serviceId,
        instance,
        roles,
        "key-ring": keyRing,
        "access-group": accessGroup,
        "custom-role": customRole,
        actions,
      } = options(args, [
        "service-id",
        "instance",
        "roles",
        "key-ring",
        "access-group",
        "custom-role",
        "actions",
      ]);
      const id = encodeURIComponent(required("service-id", serviceId));

      return control("PUT", `/service-ids/${id}/roles`, {
        instance: required("instance", instance),
        roles: listOf(roles),
        keyRing,
        accessGroup,
        customRole: customRole === undefined ? undefined : { name: customRole, actions: listOf(actions) },
      });
    },
  },
  "sandbox add-service-id": {
    synopsis: "--name NAME",
    summary: "Makes a service ID without roles and prints its API key.",
    run: (args) => control("POST", "/service-ids", { name: required("name", options(args, ["name"]).name) }),
  },
  "sandbox add-instance": {
    synopsis: "--service kms|hs-crypto --name NAME [--region REGION] [--root-keys NAME,NAME]",
    summary: "Makes a key manager instance, on which nobody has a role yet.",
    run(args) {
      const {
        service,
        name,
        region,
        "root-keys": rootKeys,
      } = options(args, ["service", "name", "region", "root-keys"]);

      return control("POST", "/instances", {
        service: required("service", service),
        name: required("name", name),
        region,
        rootKeys: listOf(rootKeys),
      });
    },
  },
  "sandbox api-keys": {
    synopsis: "--service-id manager|viewerOnly|ID [--disabled true|false] [--expires TIME|never]",
    summary: "Disables or enables the API keys of a service ID, or sets when they expire.",
    run(args) {
      const {
        "service-id": serviceId,
        disabled,
        expires,
      } = options(args, ["service-id", "disabled", "expires"]);
      const id = encodeURIComponent(required("service-id", serviceId));

      if (disabled === undefined && expires === undefined) {
        throw new CliError("--disabled or --expires", 2);
      }

      return control("PUT", `/service-ids/${id}/api-keys`, {
        disabled: disabled === undefined ? undefined : switchOf("disabled", disabled),
        expiresAt: expires === "never" ? null : expires,
      });
    },
  },
};
