import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { userInfo } from "node:os";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Actor, Role } from "@/lib/core/actor";
import { exportAuditEvents, verifyAudit } from "@/lib/core/audit";
import { discoverKeyManagers, makeTokenRootKey } from "@/lib/core/key-managers";
import { createToken } from "@/lib/core/tokens";
import { firstAccount } from "@/lib/core/users";
import { database } from "@/lib/db";
import { resolveDatabaseUrl } from "@/lib/db/url";
import { env } from "@/lib/env";
import { Secret } from "@/lib/ibm-cloud/secret";
import { pkcs11 } from "@/lib/key-managers/pkcs11/provider";
import { ROLES } from "@/lib/roles";
import { doctor } from "./doctor";
import { readPin } from "./pin";
import { sandboxCommands } from "./sandbox";
import { CliError, type Commands, options, print } from "./usage";

const roles: readonly string[] = ROLES;

/** Whoever may read DATA_DIR and the master key administers the deployment; the audit names the system's user. */
async function cliActor(): Promise<Actor> {
  const account = await firstAccount();

  if (!account) {
    throw new CliError("There is no account yet. Run npm start once.");
  }

  return {
    kind: "cli",
    id: "cli",
    name: `cli (${userInfo().username})`,
    accountId: account.id,
    role: "administrator",
    remoteAddress: null,
    userAgent: null,
    requestId: randomUUID(),
  };
}

/** `pkcs11 create-root-key` and `pkcs11 rotate-root-key`. */
async function makeRootKey(args: string[], rotate: boolean): Promise<number> {
  const { token, label } = options(args, ["token", "label"]);

  if (!token || !label) {
    throw new CliError("--token and --label are needed", 2);
  }

  const pin = new Secret(await readPin());

  print(JSON.stringify(await makeTokenRootKey(await cliActor(), { token, label, pin, rotate }), null, 2));

  return 0;
}

export const commands: Commands = {
  "token create": {
    synopsis: "--role viewer|auditor|operator|administrator --name NAME [--expires-in-days N]",
    summary: "Makes an API token and prints it, the only time that it is shown.",
    async run(args) {
      const { role, name, "expires-in-days": days } = options(args, ["role", "name", "expires-in-days"]);

      if (!role || !roles.includes(role)) {
        throw new CliError(`--role is one of ${roles.join(", ")}`, 2);
      }

      if (!name?.trim() || name.trim().length > 80) {
        throw new CliError("--name is 1 to 80 characters", 2);
      }

      const expiresInDays = days === undefined ? undefined : Number(days);

      if (
        expiresInDays !== undefined &&
        !(Number.isInteger(expiresInDays) && expiresInDays >= 1 && expiresInDays <= 3650)
      ) {
        throw new CliError("--expires-in-days is a whole number from 1 to 3650", 2);
      }

      const { token } = await createToken(await cliActor(), {
        name: name.trim(),
        role: role as Role,
        expiresInDays,
      });

      print(token);

      return 0;
    },
  },
  ...sandboxCommands,
  "database url": {
    synopsis: "",
    summary: "Prints the PostgreSQL connection string in use, with its password.",
    async run() {
      print(resolveDatabaseUrl(env()));

      return 0;
    },
  },
  "audit verify": {
    synopsis: "",
    summary: "Checks the hash chains of all audit writers; exit code 1 when one is broken.",
    async run() {
      const result = await verifyAudit(await cliActor());

      print(JSON.stringify(result, null, 2));

      return result.ok ? 0 : 1;
    },
  },
  "audit export": {
    synopsis: "[--format ndjson|csv] [--from TIME] [--to TIME] [--file FILE]",
    summary: "Writes the account's audit events, newest first, to stdout or a file.",
    async run(args) {
      const { format = "ndjson", from, to, file } = options(args, ["format", "from", "to", "file"]);

      if (format !== "ndjson" && format !== "csv") {
        throw new CliError("--format is ndjson or csv", 2);
      }

      const bounds = Object.fromEntries(
        Object.entries({ from, to })
          .filter((entry): entry is [string, string] => entry[1] !== undefined)
          .map(([name, text]) => {
            const date = new Date(text);

            if (Number.isNaN(date.getTime())) {
              throw new CliError(`--${name} is a time such as 2026-11-22T08:00:00Z`, 2);
            }

            return [name, date];
          }),
      );
      const lines = Readable.from(await exportAuditEvents(await cliActor(), bounds, format));

      if (file) {
        await pipeline(lines, createWriteStream(file, { mode: 0o600 }));
      } else {
        await pipeline(lines, process.stdout, { end: false });
      }

      return 0;
    },
  },
  "pkcs11 tokens": {
    synopsis: "",
    summary: "Prints the tokens of the modules in PKCS11_MODULES as JSON.",
    async run() {
      const { keyManagers } = await discoverKeyManagers(await cliActor(), { kind: pkcs11.kind });

      print(
        JSON.stringify(
          keyManagers.map(({ name, guid, crn }) => ({ label: name, serial: guid, uri: crn })),
          null,
          2,
        ),
      );

      return 0;
    },
  },
  "pkcs11 create-root-key": {
    synopsis: "--token LABEL|SERIAL|URI --label LABEL",
    summary: "Makes an AES-256 root key in a token that never leaves it; the PIN is read from stdin.",
    run: (args) => makeRootKey(args, false),
  },
  "pkcs11 rotate-root-key": {
    synopsis: "--token LABEL|SERIAL|URI --label LABEL",
    summary: "Makes a new version of a root key in a token; old versions stay; the PIN is read from stdin.",
    run: (args) => makeRootKey(args, true),
  },
  doctor: {
    synopsis: "",
    summary:
      "Checks files, database, migrations, endpoints and key managers; exit code 1 when something is wrong.",
    run: async () => doctor(env(), print, database),
  },
};
