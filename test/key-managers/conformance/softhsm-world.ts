import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { type CallContext, type KeyManager, KeyManagerError } from "@/lib/key-managers/key-manager";
import type { Pkcs11 } from "@/lib/key-managers/pkcs11/adapter";
import { closeTokenProcesses, signalTokenProcesses } from "@/lib/key-managers/pkcs11/token-processes";
import { formatToken } from "@/lib/key-managers/pkcs11/uri";
import type { WrappedKeyStore } from "@/lib/key-managers/wrapped-key-store";
import { call, makeSoftHsm } from "../support/softhsm";
import { administerToken } from "../support/token-administrator";
import type { KeyManagerWorld } from "./world";

/** What a token cannot do or have done to it. */
export const SOFTHSM_LACKS = {
  throttled: "a token has no limit of requests",
  throttledFor120Seconds: "a token has no limit of requests",
  throttledTwice: "a token has no limit of requests",
  permissions: "a PIN is good for everything or for nothing",
  broken: "a module is loaded or not; what its return values become, the table of errors says",
  foreign: "a module is loaded by its path, and nothing can stand before it",
  empty: "attributes are typed, and an empty search is believed only while logged in",
} as const;

/** A token of SoftHSM, its process, and another process that administers it. */
export async function makeSoftHsmWorld(store?: WrappedKeyStore): Promise<KeyManagerWorld> {
  const hsm = await makeSoftHsm();
  const token = await hsm.makeToken("conformance");
  const owner = token.connect();
  let intercept: ((run: () => Promise<unknown>) => Promise<unknown>) | null = null;

  /** The adapter, each of whose calls is one request to the token's process. */
  function connect(): KeyManager {
    const adapter = store === undefined ? token.connect() : token.connectTo(store);

    return new Proxy<Pkcs11>(adapter, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);

        return typeof value !== "function" || name === "close"
          ? value
          : (...args: unknown[]) => {
              const run = () => value.apply(target, args) as Promise<unknown>;

              return intercept === null ? run() : intercept(run);
            };
      },
    });
  }

  const cut = (context = call as CallContext) =>
    new KeyManagerError("unreachable", "The process was killed.", { correlationId: context.correlationId });

  return {
    connect,
    connectAsStranger: () => token.connect(`nobody-${randomUUID()}`),

    // A key of this id and name; other worlds' keys may share a name, a token's may not.
    async makeRootKey(name) {
      const { items } = await owner.listRootKeys({ search: name }, call);
      const label = items.some((key) => key.id === name) ? `${name}-${randomUUID()}` : name;
      await owner.generateRootKey(label, call);

      return label;
    },
    async rotateRootKey(id) {
      await owner.generateRootKey(id, call);
    },
    async disableRootKey(id) {
      await administerToken(token, { setKey: id, encrypt: false, decrypt: false });
    },
    async enableRootKey(id) {
      await administerToken(token, { setKey: id, encrypt: true, decrypt: true });
    },
    async destroyRootKey(id) {
      await administerToken(token, { deleteKey: id });
    },
    async deleteStandardKey(id) {
      if (store !== undefined) {
        await store.delete(formatToken(token), id);

        return;
      }

      const { name } = await owner.getStandardKey(id, call);
      await administerToken(token, { deleteData: name });
    },

    async trouble(kind) {
      if (kind === "silent") {
        // The module hangs: the process stands still in the middle of what it does.
        signalTokenProcesses("SIGSTOP");

        return async () => signalTokenProcesses("SIGCONT");
      }

      closeTokenProcesses();
      await rename(hsm.tokens, `${hsm.tokens}-away`);

      return () => rename(`${hsm.tokens}-away`, hsm.tokens);
    },

    async interruptAt(wanted, when) {
      let count = 0;

      intercept = async (run) => {
        count += 1;

        if (count < wanted) {
          return run();
        }

        // Killed before the request was read, or after it was carried out: nothing gets through from then on.
        if (count === wanted && when === "after") {
          await run();
        }

        closeTokenProcesses();

        throw cut();
      };

      return {
        reached: () => count >= wanted,
        async end() {
          intercept = null;
        },
      };
    },

    close: hsm.close,
  };
}
