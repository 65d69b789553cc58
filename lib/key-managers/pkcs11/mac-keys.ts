import { timingSafeEqual } from "node:crypto";
import { CKA, CKK_GENERIC_SECRET, CKM, CKO, type Handle, type Template } from "./cryptoki";
import type { TokenSession } from "./token-session";

const LABEL = "KMIP Console storage";
const HMAC_BYTES = 32;

const KEYS: Template = [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK_GENERIC_SECRET },
  { type: CKA.TOKEN, value: true },
  { type: CKA.LABEL, value: LABEL },
];

/** HMACs by keys that never leave the token. Two processes that start at once may make one each: all are tried. */
export class MacKeys {
  readonly #session: TokenSession;

  constructor(session: TokenSession) {
    this.#session = session;
  }

  sign(data: Uint8Array): Buffer {
    return this.#session.run("safe", () => {
      const [key] = this.#session.find(KEYS);

      return this.#hmac(key ?? this.#generate(), data);
    });
  }

  verify(data: Uint8Array, hmac: Uint8Array): boolean {
    return this.#session.run("safe", () =>
      this.#session
        .find(KEYS)
        .some((key) => hmac.byteLength === HMAC_BYTES && timingSafeEqual(this.#hmac(key, data), hmac)),
    );
  }

  #generate(): Handle {
    return this.#session.run("unprocessed", (module, session) =>
      module.C_GenerateKey(session, { mechanism: CKM.GENERIC_SECRET_KEY_GEN }, [
        ...KEYS,
        { type: CKA.VALUE_LEN, value: HMAC_BYTES },
        { type: CKA.PRIVATE, value: true },
        { type: CKA.SENSITIVE, value: true },
        { type: CKA.EXTRACTABLE, value: false },
        { type: CKA.SIGN, value: true },
      ]),
    );
  }

  #hmac(key: Handle, data: Uint8Array): Buffer {
    return this.#session.run("safe", (module, session) => {
      module.C_SignInit(session, { mechanism: CKM.SHA256_HMAC }, key);

      return Buffer.from(module.C_Sign(session, Buffer.from(data), Buffer.alloc(HMAC_BYTES)));
    });
  }
}
