import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { allowedBy, parseAllowList } from "@/lib/outbound/allow-list";

/** The only reader of process.env. README documents every variable. */

const A_PORT = "a port number from 1 to 65535";
const PORT_WORDS = `is ${A_PORT}`;
const port = z.coerce
  .number<string>({ error: PORT_WORDS })
  .int(PORT_WORDS)
  .min(1, PORT_WORDS)
  .max(65535, PORT_WORDS);

function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, { error: `is one of ${values.join(", ")}` });
}

const ports = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .pipe(z.array(port).min(1, "names at least one port"))
  .refine((list) => new Set(list).size === list.length, "names one port twice");
const portRange = z
  .string()
  .regex(/^\d+-\d+$/, "is a range such as 5700-5799")
  .transform((text) => {
    const [from, to] = text.split("-").map(Number);
    return { from: from ?? 0, to: to ?? 0 };
  })
  .refine(
    (range) => range.from >= 1 && range.to <= 65535 && range.from <= range.to,
    "is a range of ports from 1 to 65535",
  );
const names = z
  .string()
  .transform((text) => text.split(/[,:\s]+/).filter(Boolean))
  .pipe(z.array(z.string().regex(/^[A-Z0-9_-]+$/, "is a list of suites by OpenSSL's names")).min(1));

function wholeNumber(least: number, most: number) {
  const words = `is a whole number from ${least} to ${most}`;

  return z.coerce.number<string>({ error: words }).int(words).min(least, words).max(most, words);
}

const count = wholeNumber(1, 10_000_000);
/** Messages a second; 0 for as many as come. */
const rate = wholeNumber(0, 10_000_000);
const flag = oneOf(["true", "false"])
  .default("false")
  .transform((text) => text === "true");
const httpUrl = z.url({ protocol: /^https?$/, error: "is an absolute http(s) URL" });
/** URIs as RFC 9116 (2.5.3) wants them. */
const contacts = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .pipe(
    z.array(
      z.string().regex(/^(mailto:|tel:|https:\/\/)\S+$/, "is a list of mailto:, tel: or https: addresses"),
    ),
  );
const path = z
  .string()
  .min(1)
  .transform((text) => (isAbsolute(text) ? text : resolve(text)));

/** A PKCS#11 module that may be loaded: a name to choose it by, and the file. */
export type Pkcs11Module = { readonly name: string; readonly path: string };

const MODULE_WORDS = "is a list such as softhsm=/usr/lib/softhsm/libsofthsm2.so";
const pkcs11Modules = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part) => ({
        name: part.slice(0, Math.max(0, part.indexOf("="))).trim(),
        path: part.slice(part.indexOf("=") + 1).trim(),
      })),
  )
  .pipe(
    z.array(
      z.object({
        name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, MODULE_WORDS),
        path: z.string().refine(isAbsolute, MODULE_WORDS),
      }),
      MODULE_WORDS,
    ),
  )
  .refine(
    (modules) => new Set(modules.map(({ name }) => name)).size === modules.length,
    "names one module twice",
  );

const outboundAllow = z.string().transform((text, context) => {
  const list = parseAllowList(text);

  if (list === null) {
    context.addIssue({
      code: "custom",
      message: "is a list such as 127.0.0.1:8443, [::1]:8443, proxy.example.com, 169.254.0.0/24",
    });

    return z.NEVER;
  }

  return list;
});

const schema = z
  .object({
    NODE_ENV: oneOf(["development", "production", "test"]).default("production"),
    PORT: port.default(3000),
    HOST: z.string().min(1).default("127.0.0.1"),
    KMIP_HOST: z.string().min(1).default("127.0.0.1"),
    KMIP_PORTS: ports.default([5696, 5697]),
    /** Ports of KMIP over HTTPS, one per zone in the order of KMIP_PORTS; none without it. */
    KMIP_HTTPS_PORTS: ports.optional(),
    KMIP_DEDICATED_PORTS: portRange.default({ from: 5700, to: 5799 }),
    /** Host name that clients use and that server certificates carry, where it differs from KMIP_HOST. */
    KMIP_PUBLIC_HOST: z.string().min(1).optional(),
    /** Domain of the dedicated endpoints: an instance's host name is `<instance id>.<domain>`, which DNS must know. */
    KMIP_DEDICATED_DOMAIN: z
      .string()
      .regex(/^[A-Za-z0-9.-]+$/, "is a domain name")
      .optional(),
    KMIP_TLS_MIN_VERSION: oneOf(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2"),
    KMIP_TLS_SUITES: names.optional(),
    KMIP_TLS_LEGACY_SUITES: flag,
    KMIP_MAX_CONNECTIONS: count.optional(),
    KMIP_MAX_CONNECTIONS_PER_INSTANCE: count.optional(),
    KMIP_MAX_CONNECTIONS_PER_CERTIFICATE: count.optional(),
    KMIP_RATE_PER_INSTANCE: rate.optional(),
    KMIP_RATE_PER_CERTIFICATE: rate.optional(),
    /** `true` for interoperability tests alone: KMIP's operation Interop is then there. */
    KMIP_INTEROP: flag,
    /** KEKs that a worker moves to a new version of their root key in a second, at most. */
    REWRAP_PER_SECOND: wholeNumber(1, 10_000).default(50),
    KMIP_IDLE_SECONDS: wholeNumber(1, 86_400).default(600),
    /** How often a worker looks for interrupted Creates and Destroys. */
    RECONCILE_EVERY_SECONDS: wholeNumber(1, 59).default(20),
    /** What has made no progress for so long is taken for interrupted; longer than a slow Create takes. */
    RECONCILE_AFTER_SECONDS: wholeNumber(5, 3_600).default(120),
    SANDBOX_PORT: z.union([z.literal("off"), port], { error: `is off, or ${A_PORT}` }).default(3080),
    /** Controls of the sandbox for tests and demonstrations; on 127.0.0.1 only. */
    SANDBOX_CONTROL_PORT: z.union([z.literal("off"), port], { error: `is off, or ${A_PORT}` }).default("off"),
    DATA_DIR: path.default(resolve("data")),
    DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "is a postgresql:// URL" }).optional(),
    ADMIN_EMAIL: z.email("is an email address").default("admin@example.com"),
    ADMIN_PASSWORD: z.string().min(12, "has at least 12 characters").optional(),
    IBM_CLOUD_IAM_URL: httpUrl.optional(),
    IBM_CLOUD_RESOURCE_CONTROLLER_URL: httpUrl.optional(),
    IBM_CLOUD_ENDPOINT_TYPE: oneOf(["private", "public"]).default("private"),
    /**
     * Addresses of this machine and its link that key managers may be at all the same: names or addresses, with a port or
     * without, and networks.
     */
    OUTBOUND_ALLOW: outboundAllow.default([]),
    /** Modules for HSMs; nothing else is ever loaded, whatever a request says. */
    PKCS11_MODULES: pkcs11Modules.default([]),
    MASTER_KEY_FILE: path.optional(),
    /** File with the API key of the deployment's own service ID: HPCS instances may then authorize KMIP instances. */
    HPCS_DEPLOYMENT_API_KEY_FILE: path.optional(),
    PUBLIC_URL: httpUrl.optional(),
    /** `true` behind a reverse proxy that sets X-Forwarded-For; otherwise the header is the sender's invention. */
    TRUST_PROXY: flag,
    /** Where a weakness of this installation is to be reported, for `/.well-known/security.txt`. */
    SECURITY_CONTACT: contacts.default([]),
    /** Size at which the log of a process begins a new file, and how many files of it are kept. */
    LOG_FILE_MEGABYTES: wholeNumber(1, 10_000).default(50),
    LOG_FILES: wholeNumber(2, 100).default(4),
    LOG_LEVEL: oneOf(["trace", "debug", "info", "warn", "error", "fatal"]).default("info"),
    OIDC_ISSUER: httpUrl.optional(),
    OIDC_CLIENT_ID: z.string().min(1).optional(),
    OIDC_CLIENT_SECRET: z.string().min(1).optional(),
    OIDC_NAME: z.string().min(1).default("Single sign-on"),
    /** Set by the process supervisor for its children; not for people. */
    KMIP_ZONE: z.coerce.number<string>().int().min(1).optional(),
  })
  .transform((env) => {
    const sandboxUrl = env.SANDBOX_PORT === "off" ? null : `http://127.0.0.1:${env.SANDBOX_PORT}`;
    const iamUrl = (env.IBM_CLOUD_IAM_URL ?? sandboxUrl ?? "https://iam.cloud.ibm.com").replace(/\/$/, "");
    const resourceControllerUrl = (
      env.IBM_CLOUD_RESOURCE_CONTROLLER_URL ??
      sandboxUrl ??
      "https://resource-controller.cloud.ibm.com"
    ).replace(/\/$/, "");

    return {
      ...env,
      masterKeyFile: env.MASTER_KEY_FILE ?? resolve(env.DATA_DIR, "master.key"),
      publicUrl: (
        env.PUBLIC_URL ?? `http://${env.HOST === "0.0.0.0" ? "127.0.0.1" : env.HOST}:${env.PORT}`
      ).replace(/\/$/, ""),
      kmipPublicHost: env.KMIP_PUBLIC_HOST ?? env.KMIP_HOST,
      sandboxUrl,
      iamUrl,
      resourceControllerUrl,
      /** The deployment's own cloud, the sandbox too, is where the deployment says that it is. */
      outboundAllow: [...env.OUTBOUND_ALLOW, ...[iamUrl, resourceControllerUrl].map(allowedBy)],
    };
  });

export type Env = z.output<typeof schema>;

/** Error of a wrong environment: every line names a variable and what is wrong with it, never its value. */
export class EnvError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "EnvError";
    this.problems = problems;
  }
}

/**
 * Parses an environment. Empty strings count as absent.
 * @throws EnvError naming every variable that is wrong
 */
export function parseEnv(source: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ""),
  );
  const result = schema.safeParse(given);

  if (!result.success) {
    throw new EnvError(result.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`));
  }

  return result.data;
}

let current: Env | undefined;

/** The environment of this process, parsed once, at first use. @throws EnvError */
export function env(): Env {
  current ??= parseEnv(process.env);

  return current;
}

/** Names and addresses that the endpoints' server certificates carry. Unspecified addresses are no names. */
export function serverCertificateHosts(settings: Pick<Env, "kmipPublicHost" | "KMIP_HOST">): string[] {
  const hosts = [settings.kmipPublicHost, settings.KMIP_HOST, "localhost", "127.0.0.1"];

  return [...new Set(hosts)].filter((host) => host !== "0.0.0.0" && host !== "::");
}

/** Host name by which clients reach the dedicated endpoints of an instance. */
export function dedicatedHost(
  instanceId: string,
  settings: Pick<Env, "kmipPublicHost" | "KMIP_DEDICATED_DOMAIN">,
): string {
  const { KMIP_DEDICATED_DOMAIN: domain, kmipPublicHost } = settings;

  return domain === undefined ? kmipPublicHost : `${instanceId}.${domain}`;
}

/** Names and addresses that the certificate of an instance's dedicated endpoints carries. */
export function dedicatedCertificateHosts(
  instanceId: string,
  settings: Pick<Env, "kmipPublicHost" | "KMIP_HOST" | "KMIP_DEDICATED_DOMAIN">,
): string[] {
  const own = settings.KMIP_DEDICATED_DOMAIN === undefined ? [] : [dedicatedHost(instanceId, settings)];

  return [...own, ...serverCertificateHosts(settings)];
}

/** next-auth takes the console's address from its own variable only; whoever calls it sets that one first. */
export function provideNextAuthUrl(): void {
  process.env.NEXTAUTH_URL = env().publicUrl;
}
