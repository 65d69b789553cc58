/**
 * What the listeners speak of TLS: versions, suites, which of two certificates, tickets.
 */
import { constants, randomBytes } from "node:crypto";
import type { Server, TlsOptions } from "node:tls";

/** Certificates and policy of a listener's TLS side. */
export type ServerTls = {
  /** PEM: the server's certificate, followed by its chain; several for ECDSA and RSA side by side. */
  readonly cert: string | readonly string[];
  /** PEM: the private key(s), in the order of `cert`. */
  readonly key: string | readonly string[];
  /** Default TLSv1.2. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Suites by OpenSSL's names, most preferred first; default: SAFE_SUITES. */
  readonly suites?: readonly string[];
};

const SUITES_TLS13 = ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];

/**
 * Forward secrecy and authenticated encryption only. ECDSA comes first as a whole, so that every client that can
 * use both kinds sees the same certificate, whatever key sizes it likes: vCenter and its hosts must agree.
 */
const SUITES_TLS12 = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** What is offered by default, most preferred first. */
export const SAFE_SUITES: readonly string[] = [...SUITES_TLS13, ...SUITES_TLS12];

/**
 * Suites of TLS 1.2 for clients that have no others: CBC, or a key exchange without forward secrecy. Among them
 * are those of the KMIP profiles' Basic Authentication Suite (Profiles 1.4, 3.1).
 */
export const LEGACY_SUITES: readonly string[] = [
  "ECDHE-ECDSA-AES256-SHA384",
  "ECDHE-ECDSA-AES128-SHA256",
  "ECDHE-RSA-AES256-SHA384",
  "ECDHE-RSA-AES128-SHA256",
  "ECDHE-RSA-AES256-SHA",
  "ECDHE-RSA-AES128-SHA",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
  "AES256-SHA256",
  "AES128-SHA256",
  "AES256-SHA",
  "AES128-SHA",
];

export type TlsPolicyChoice = {
  readonly minVersion?: ServerTls["minVersion"];
  /** Suites in the order wished for; default: all that are allowed. */
  readonly suites?: readonly string[];
  /** Allows the legacy suites, after all others. */
  readonly legacy?: boolean;
};

/**
 * Versions and suites for an operator's choice.
 * @throws Error that names the suite that is unknown, or legacy without being allowed, and what else cannot be
 */
export function tlsPolicy(choice: TlsPolicyChoice): Required<Pick<ServerTls, "minVersion" | "suites">> {
  const { minVersion = "TLSv1.2", legacy = false } = choice;
  const allowed = legacy ? [...SAFE_SUITES, ...LEGACY_SUITES] : SAFE_SUITES;
  const suites = choice.suites ?? allowed;
  for (const suite of suites) {
    if (allowed.includes(suite)) {
      continue;
    }
    throw new Error(
      LEGACY_SUITES.includes(suite)
        ? `The TLS suite ${suite} is a legacy suite and those are not allowed`
        : `The TLS suite ${suite} is not known`,
    );
  }
  // Node takes a version away without a word when the list has no suite for it.
  if (!suites.some((suite) => SUITES_TLS13.includes(suite))) {
    throw new Error(`No suite of TLS 1.3 is left: ${SUITES_TLS13.join(", ")}`);
  }
  if (minVersion === "TLSv1.2" && suites.every((suite) => SUITES_TLS13.includes(suite))) {
    throw new Error("No suite of TLS 1.2 is left; without one the lowest version is TLS 1.3");
  }
  return { minVersion, suites };
}

/** A session is resumed for so long at most; OpenSSL's default, said aloud. */
const SESSION_SECONDS = 300;

/** What Node's TLS servers want to know of certificates and policy. */
export function secureContextOptions(tls: ServerTls): TlsOptions {
  return {
    cert: typeof tls.cert === "string" ? tls.cert : [...tls.cert],
    key: typeof tls.key === "string" ? tls.key : [...tls.key],
    minVersion: tls.minVersion ?? "TLSv1.2",
    ciphers: (tls.suites ?? SAFE_SUITES).join(":"),
    // Also makes OpenSSL go by its own order of signature algorithms, in which ECDSA comes first.
    honorCipherOrder: true,
    // Who was let in stays who it is: a client cannot change its certificate on an open connection.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    sessionTimeout: SESSION_SECONDS,
  };
}

/** Bytes of the name, the MAC key and the encryption key of tickets (Node's `setTicketKeys`). */
const TICKET_KEYS_LENGTH = 48;

/**
 * Gives a listener new keys for session tickets: tickets under the old ones lead to a full handshake. The keys
 * exist in the memory of this process alone, as whoever has them can read the TLS 1.2 sessions that they resume.
 */
export function renewTicketKeys(server: Pick<Server, "setTicketKeys">): void {
  const keys = randomBytes(TICKET_KEYS_LENGTH);
  try {
    server.setTicketKeys(keys);
  } finally {
    keys.fill(0);
  }
}
