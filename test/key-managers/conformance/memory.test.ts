import { randomBytes, randomUUID } from "node:crypto";
import { openSafe, SAFE } from "../memory-provider";
import { describeKeyManager } from "./describe-key-manager";
import type { KeyManagerWorld } from "./world";

const NOTHING_BETWEEN = "nothing stands between the adapter and this process's memory";
const LACKS = {
  throttled: NOTHING_BETWEEN,
  throttledFor120Seconds: NOTHING_BETWEEN,
  throttledTwice: NOTHING_BETWEEN,
  silent: NOTHING_BETWEEN,
  unreachable: NOTHING_BETWEEN,
  broken: NOTHING_BETWEEN,
  foreign: NOTHING_BETWEEN,
  empty: NOTHING_BETWEEN,
  interruption: "a call is one step",
  permissions: "the word opens everything or nothing",
} as const;

function keyOf(id: string) {
  const key = SAFE.rootKeys.get(id);

  if (key === undefined) {
    throw new Error("There is no such root key.");
  }

  return key;
}

async function makeMemoryWorld(): Promise<KeyManagerWorld> {
  return {
    connect: () => openSafe(SAFE.word),
    connectAsStranger: () => openSafe("close sesame"),
    async makeRootKey(name) {
      const id = randomUUID();
      SAFE.rootKeys.set(id, { name, state: "active", versions: [randomBytes(32)] });

      return id;
    },
    rotateRootKey: async (id) => void keyOf(id).versions.push(randomBytes(32)),
    async disableRootKey(id) {
      keyOf(id).state = "suspended";
    },
    async enableRootKey(id) {
      keyOf(id).state = "active";
    },
    destroyRootKey: async (id) => void SAFE.rootKeys.delete(id),
    deleteStandardKey: async (id) => void SAFE.kept.delete(id),
    close: async () => SAFE.rootKeys.clear(),
  };
}

describeKeyManager("a provider in memory", makeMemoryWorld, { lacks: LACKS });
