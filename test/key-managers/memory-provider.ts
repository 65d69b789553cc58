import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { expectedOfKeyManager, probeWrap } from "@/lib/key-managers/checks/probe";
import { type Findings, noFacts, runChecks } from "@/lib/key-managers/checks/run-checks";
import type { CallContext, KeyManager, KeyManagerFailure, RootKey } from "@/lib/key-managers/key-manager";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import type { Provider } from "@/lib/key-managers/provider";
import { discoveryOf, invalidAddress, secretField, secretOf } from "@/lib/key-managers/provider";

type Key = { name: string; state: RootKey["state"]; versions: Buffer[] };

/** A safe in the memory of this process, and the word that opens it. */
export const SAFE = {
  word: "open sesame",
  rootKeys: new Map<string, Key>(),
  kept: new Map<string, { name: string; description: string; payload: Uint8Array }>(),
};
const ADDRESS = { crn: "memory:safe", guid: "safe", name: "The safe", region: "" };

const refuse = (failure: KeyManagerFailure, code: string, { correlationId }: CallContext): never => {
  throw new KeyManagerError(failure, `The safe says ${code}.`, { code, correlationId });
};

/** A wrapped key: number of the version, IV, tag, ciphertext. */
function seal(key: Key, plaintext: Uint8Array, aad: readonly string[]) {
  const [version, iv] = [key.versions.length - 1, randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", key.versions[version] ?? "", iv);
  const sealed = [cipher.setAAD(Buffer.from(JSON.stringify(aad))).update(plaintext), cipher.final()];
  const bytes = Buffer.concat([Buffer.of(version), iv, cipher.getAuthTag(), ...sealed]);
  return { bytes, crkVersion: `${version}` };
}

function unseal(key: Key, bytes: Uint8Array, aad: readonly string[], call: CallContext) {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key.versions[bytes[0] ?? 0] ?? "", bytes.slice(1, 13));
    decipher.setAAD(Buffer.from(JSON.stringify(aad))).setAuthTag(bytes.slice(13, 29));
    return Buffer.concat([decipher.update(bytes.slice(29)), decipher.final()]);
  } catch {
    return refuse("ciphertext", "DOES_NOT_FIT", call);
  }
}

/** The adapter: the whole port over the safe. */
export function openSafe(word: string): KeyManager {
  const closed = new AbortController();
  const enter = (call: CallContext, bytes: Uint8Array = new Uint8Array()): typeof SAFE =>
    (closed.signal.aborted && refuse("unreachable", "CLOSED", call)) ||
    (call.signal?.aborted && refuse("timeout", "CANCELLED", call)) ||
    (word !== SAFE.word && refuse("credentials", "WRONG_WORD", call)) ||
    (bytes.byteLength > 7_500 && refuse("rejected", "TOO_LARGE", call)) ||
    SAFE;
  const find = (id: string, call: CallContext, bytes?: Uint8Array): Key =>
    enter(call, bytes).rootKeys.get(id) ?? refuse("notFound", "NO_ROOT_KEY", call);
  const active = (key: Key, call: CallContext): Key =>
    key.state === "active" ? key : refuse("keyState", "SUSPENDED", call);
  const tell = (id: string, { name, state, versions }: Key): RootKey => ({
    ...{ id, name, state, keyRing: "default", lastRotatedAt: null, algorithm: "AES-256" },
    ...{ versions: versions.length, currentVersion: `${versions.length - 1}` },
  });

  return {
    kind: "memory",
    wrap: async (id, plaintext, aad, call) => seal(active(find(id, call, plaintext), call), plaintext, aad),
    async unwrap(id, bytes, aad, call) {
      const key = active(find(id, call), call);
      const opened = { plaintext: unseal(key, bytes, aad, call), crkVersion: `${bytes[0]}` };
      const isLatest = bytes[0] === key.versions.length - 1;
      return isLatest ? opened : { ...opened, rewrapped: seal(key, opened.plaintext, aad) };
    },
    async createStandardKey({ name, payload, description = "" }, call) {
      const id = randomUUID();
      enter(call, payload).kept.set(id, { name, description, payload: Uint8Array.from(payload) });
      return { id };
    },
    findStandardKeys: async ({ name, description }, call) =>
      [...enter(call).kept].flatMap(([id, key]) =>
        key.name === name && key.description === description ? { id } : [],
      ),
    async getStandardKey(id, call) {
      const { name, payload } = enter(call).kept.get(id) ?? refuse("notFound", "NO_STANDARD_KEY", call);
      return { id, name, payload: Uint8Array.from(payload), state: "active" };
    },
    deleteStandardKey: async (id, call) => void enter(call).kept.delete(id),
    getRootKey: async (id, call) => tell(id, find(id, call)),
    async listRootKeys({ search = "", cursor = "0", limit = 50 }, call) {
      const from = /^\d+$/.test(cursor) ? Number(cursor) : refuse("rejected", "INVALID_CURSOR", call);
      const all = [...enter(call).rootKeys].filter(([, { name }]) => name.includes(search));
      const nextCursor = from + limit < all.length ? `${from + limit}` : null;
      return { items: all.slice(from, from + limit).map((entry) => tell(...entry)), nextCursor };
    },
    listKeyRings: async () => [{ id: "default" }],
    close: async () => closed.abort(),
  };
}

const FINDINGS = {
  SAFE_OPEN: { status: "pass" },
  SAFE_SHUT: { status: "fail", command: () => "say 'open sesame'" },
  CRK_FOUND: { status: "pass" },
  WRAP_UNWRAP_WORKS: { status: "pass" },
  PROBE_CHANGED: { status: "fail" },
} as const satisfies Findings;

const shut = (error: unknown) => {
  return { code: "SAFE_SHUT" as const, params: { cause: expectedOfKeyManager(error).message } };
};

/** A kind of key manager: all that the house asks of one. */
export const memory: Provider = {
  ...{ kind: "memory", title: "Memory", findings: FINDINGS, dedicatedEndpoint: false, oneInstanceEach: true },
  credential: { type: "pin", fields: [secretField(4)], toDiscover: false },
  choices: { keyRing: false, endpoint: false, region: false },
  deprecation: { endsAt: new Date("2030-01-01T00:00:00Z"), successor: "pkcs11" },
  unavailable: () => null,
  async discover(_context, { taken }) {
    const { crn, guid, name } = ADDRESS;
    return (await taken([guid])).has(guid)
      ? discoveryOf({ keyManagers: [], notOffered: [{ crn, guid, name, reason: "IN_USE" }] })
      : discoveryOf({ keyManagers: [{ ...ADDRESS, endpoints: { public: null, private: null } }] });
  },
  guidOf(crn) {
    if (crn !== ADDRESS.crn) {
      throw invalidAddress("This is no safe.", "NO_SAFE", "is no safe");
    }
    return ADDRESS.guid;
  },
  connect: async (_context, { credential }) => ({
    keyManager: openSafe(secretOf(credential).reveal()),
    endpoint: ADDRESS.crn,
  }),
  open: (_context, { credential }) => ({ keyManager: openSafe(secretOf(credential).reveal()), renew() {} }),
  async checks(_context, { credential, crkId, call, onError }) {
    const facts = { ...noFacts(), keyManager: { ...ADDRESS, endpoint: ADDRESS.crn } };
    const safe = openSafe(secretOf(credential).reveal());
    const found = (crk: RootKey) => {
      facts.crk = crk;
      return { code: "CRK_FOUND" as const };
    };
    const probe = () =>
      probeWrap(safe, crkId, call).then((same) => (same ? "WRAP_UNWRAP_WORKS" : "PROBE_CHANGED"));
    const results = await runChecks<keyof typeof FINDINGS>({
      checks: [
        { id: "pin", run: () => safe.listRootKeys({}, call).then(() => ({ code: "SAFE_OPEN" }), shut) },
        { id: "crkFound", needs: ["pin"], run: () => safe.getRootKey(crkId, call).then(found, shut) },
        { id: "wrapUnwrap", needs: ["crkFound"], run: async () => ({ code: await probe() }) },
      ],
      ...{ findings: FINDINGS, params: () => ({ crkId, crkName: facts.crk?.name ?? "" }), onError },
    });
    return { results, facts };
  },
};
