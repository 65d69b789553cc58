import { KeyManagerError } from "../key-manager";
import {
  CKF,
  CKU_USER,
  type Cryptoki,
  type Handle,
  SESSION_FLAGS,
  type Template,
  USER_STATES,
} from "./cryptoki";
import { isLost, neverHappened, returnValueOf, toTokenError } from "./errors";

/** A token of a module, as it describes itself before anybody logs in. */
export type TokenDescription = {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly writable: boolean;
};

/** The initialized tokens of a module. The library is initialized anew, so that it sees what was added since. */
export function listTokens(module: Cryptoki): TokenDescription[] {
  initialize(module);

  return module
    .C_GetSlotList(true)
    .map((slot) => module.C_GetTokenInfo(slot))
    .filter((info) => (info.flags & CKF.TOKEN_INITIALIZED) !== 0)
    .map((info) => ({
      label: unpad(info.label),
      serial: unpad(info.serialNumber),
      manufacturer: unpad(info.manufacturerID),
      model: unpad(info.model),
      writable: (info.flags & CKF.WRITE_PROTECTED) === 0,
    }));
}

/** Texts of PKCS#11 have a fixed length and are filled with blanks. */
function unpad(text: string): string {
  return text.replaceAll("\0", "").trimEnd();
}

function initialize(module: Cryptoki): void {
  try {
    module.C_Finalize();
  } catch (error) {
    // It was not initialized.
    if (returnValueOf(error) === null) {
      throw error;
    }
  }

  module.C_Initialize();
}

const FIND_BATCH = 200;

/**
 * One logged-in session with one token. It is opened at the first call and again after the token, the session or
 * the login was lost.
 */
export class TokenSession {
  readonly #module: Cryptoki;
  readonly #token: { readonly label: string; readonly serial: string };
  readonly #pin: string;
  #session: Handle | null = null;
  /** Grows with every new session; handles of an older one mean nothing. */
  generation = 0;

  constructor(module: Cryptoki, token: { label: string; serial: string }, pin: string) {
    this.#module = module;
    this.#token = token;
    this.#pin = pin;
  }

  /**
   * Runs calls on the session; if it is found to be lost, once more on a new one.
   * @param repeat `safe` whenever it was lost; `unprocessed` only if the calls have certainly not been carried out
   * @throws KeyManagerError
   */
  run<T>(repeat: "safe" | "unprocessed", body: (module: Cryptoki, session: Handle) => T): T {
    const fresh = this.#session === null;

    try {
      return body(this.#module, this.#open());
    } catch (error) {
      if (!isLost(error)) {
        throw toTokenError(error);
      }

      this.#session = null;

      if (fresh || (repeat === "unprocessed" && !neverHappened(error))) {
        throw toTokenError(error);
      }
    }

    try {
      return body(this.#module, this.#open());
    } catch (error) {
      if (isLost(error)) {
        this.#session = null;
      }

      throw toTokenError(error);
    }
  }

  /** Handles of all objects that a template describes. */
  find(template: Template): Handle[] {
    const session = this.#open();
    const found: Handle[] = [];

    this.#module.C_FindObjectsInit(session, template);

    try {
      for (;;) {
        const batch = this.#module.C_FindObjects(session, FIND_BATCH);
        found.push(...batch);

        // Fewer than asked is not the end by itself: only none is (PKCS#11 2.40, 5.7.6).
        if (batch.length === 0) {
          break;
        }
      }
    } finally {
      this.#module.C_FindObjectsFinal(session);
    }

    // Without a login a token shows no private object, and "there is none" would be a lie that costs a KEK.
    if (found.length === 0) {
      this.#assertLoggedIn(session);
    }

    return found;
  }

  #assertLoggedIn(session: Handle): void {
    if (!USER_STATES.includes(this.#module.C_GetSessionInfo(session).state)) {
      throw new KeyManagerError("unreachable", "The token has ended the login.", {
        code: "CKR_USER_NOT_LOGGED_IN",
      });
    }
  }

  #open(): Handle {
    if (this.#session !== null) {
      return this.#session;
    }

    const module = this.#module;
    initialize(module);

    const slot = module.C_GetSlotList(true).find((candidate) => {
      const info = module.C_GetTokenInfo(candidate);

      return unpad(info.serialNumber) === this.#token.serial && unpad(info.label) === this.#token.label;
    });

    if (slot === undefined) {
      throw new KeyManagerError("unreachable", "The module shows no such token.", {
        code: "CKR_TOKEN_NOT_PRESENT",
      });
    }

    const { flags } = module.C_GetTokenInfo(slot);

    // A locked PIN costs every KEK of the token: the last try is left to a person with the vendor's tool.
    if ((flags & CKF.USER_PIN_LOCKED) !== 0 || (flags & CKF.USER_PIN_FINAL_TRY) !== 0) {
      const locked = (flags & CKF.USER_PIN_LOCKED) !== 0;

      throw new KeyManagerError(
        "credentials",
        locked
          ? "The token has locked the PIN."
          : "One more wrong PIN locks the token, so it is not tried from here.",
        { code: locked ? "CKR_PIN_LOCKED" : "PIN_FINAL_TRY" },
      );
    }

    const session = module.C_OpenSession(slot, SESSION_FLAGS);
    module.C_Login(session, CKU_USER, this.#pin);
    this.#session = session;
    this.generation += 1;

    return session;
  }
}
