/** Process of the sandbox: the local stand-in for IBM Cloud. */
import { join } from "node:path";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { createSandbox, defaultPeople } from "@/sandbox";
import { runProcess } from "./supervisor/run";

const logger = createLogger("sandbox");

runProcess(logger, async () => {
  const settings = env();

  if (settings.SANDBOX_PORT === "off") {
    throw new Error("SANDBOX_PORT is off.");
  }

  const sandbox = await createSandbox({
    dataDir: join(settings.DATA_DIR, "sandbox"),
    host: "127.0.0.1",
    port: settings.SANDBOX_PORT,
    controlPort: settings.SANDBOX_CONTROL_PORT === "off" ? undefined : settings.SANDBOX_CONTROL_PORT,
    // The first administrator can sign in, whatever the address is.
    people: [
      { email: settings.ADMIN_EMAIL, name: "Administrator" },
      ...defaultPeople.filter(({ name }) => name !== "Administrator"),
    ],
    redirectUris: [`${settings.publicUrl}/api/auth/callback/oidc`],
    logger,
  });

  return { stop: () => sandbox.close() };
});
