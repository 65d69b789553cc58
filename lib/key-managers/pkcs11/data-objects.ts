import { randomUUID } from "node:crypto";
import { KeyManagerError, type StandardKeyMarks } from "../key-manager";
import { CKA, CKO, type Handle, type Template } from "./cryptoki";
import { isStaleHandle } from "./errors";
import { idOfObject, objectIdOf } from "./object-id";
import type { TokenSession } from "./token-session";

export type DataObject = { readonly id: string; readonly name: string; readonly value: Buffer };

const DATA_OBJECTS: Template = [
  { type: CKA.CLASS, value: CKO.DATA },
  { type: CKA.TOKEN, value: true },
];

/** Remembered handles; each is a few dozen bytes. */
const MAX_HANDLES = 50_000;
const PROBE_APPLICATION = "KMIP Console probe";
/** A probe that is older than this was left by a process that ended in the middle of it. */
const PROBE_STALE_MS = 3_600_000;

/**
 * Standard keys as private data objects of the token: CKA_LABEL is the name, CKA_APPLICATION the description,
 * CKA_OBJECT_ID the id, CKA_VALUE the payload. Searching a token is slow, so handles are remembered; what a handle gives
 * is checked by its id.
 */
export class DataObjects {
  readonly #session: TokenSession;
  readonly #handles = new Map<string, Handle>();
  #generation = 0;

  constructor(session: TokenSession) {
    this.#session = session;
  }

  create(key: { name: string; description: string; payload: Uint8Array }): string {
    const id = randomUUID();

    return this.#session.run("unprocessed", (module, session) => {
      const handle = module.C_CreateObject(session, [
        ...DATA_OBJECTS,
        { type: CKA.PRIVATE, value: true },
        { type: CKA.MODIFIABLE, value: false },
        { type: CKA.LABEL, value: key.name },
        { type: CKA.APPLICATION, value: key.description },
        { type: CKA.OBJECT_ID, value: requireObjectId(id) },
        { type: CKA.VALUE, value: Buffer.from(key.payload) },
      ]);
      this.#remember(id, handle);

      return id;
    });
  }

  find({ name, description }: StandardKeyMarks): string[] {
    return this.#session.run("safe", (module, session) =>
      this.#session
        .find([
          ...DATA_OBJECTS,
          { type: CKA.LABEL, value: name },
          { type: CKA.APPLICATION, value: description },
        ])
        .flatMap((handle) => {
          const [objectId] = module.C_GetAttributeValue(session, handle, [{ type: CKA.OBJECT_ID }]);
          const id = objectId === undefined ? null : idOfObject(objectId.value);

          // An object of these marks that was not made here is nobody's KEK.
          return id === null ? [] : [id];
        }),
    );
  }

  /** @throws KeyManagerError `notFound` */
  read(id: string): DataObject {
    const objectId = objectIdOf(id);

    if (objectId === null) {
      throw notFound();
    }

    return this.#session.run("safe", (module, session) => {
      const readAt = (handle: Handle): DataObject | null => {
        try {
          const [found, name, value] = module.C_GetAttributeValue(session, handle, [
            { type: CKA.OBJECT_ID },
            { type: CKA.LABEL },
            { type: CKA.VALUE },
          ]);

          return found?.value.equals(objectId) === true && value !== undefined
            ? { id, name: name?.value.toString("utf8") ?? "", value: value.value }
            : null;
        } catch (error) {
          if (isStaleHandle(error)) {
            return null;
          }

          throw error;
        }
      };
      const known = this.#recall(id);
      const object = known === undefined ? null : readAt(known);

      if (object !== null) {
        return object;
      }

      this.#handles.delete(id);

      for (const handle of this.#search(objectId)) {
        const searched = readAt(handle);

        if (searched !== null) {
          this.#remember(id, handle);

          return searched;
        }
      }

      throw notFound();
    });
  }

  /** Deletes an object; one that is gone is no error. */
  delete(id: string): void {
    const objectId = objectIdOf(id);

    if (objectId === null) {
      return;
    }

    this.#handles.delete(id);
    this.#session.run("safe", (module, session) => {
      for (const handle of this.#search(objectId)) {
        try {
          module.C_DestroyObject(session, handle);
        } catch (error) {
          // Another process was as fast.
          if (!isStaleHandle(error)) {
            throw error;
          }
        }
      }
    });
  }

  /**
   * Stores, reads and deletes an object, to prove that the token takes them.
   * @throws KeyManagerError as the token answers
   */
  probe(): void {
    const template: Template = [...DATA_OBJECTS, { type: CKA.APPLICATION, value: PROBE_APPLICATION }];
    const value = Buffer.alloc(64);
    value.writeBigUInt64BE(BigInt(Date.now()));

    this.#session.run("safe", (module, session) => {
      const handle = module.C_CreateObject(session, [
        ...template,
        { type: CKA.PRIVATE, value: true },
        { type: CKA.LABEL, value: randomUUID() },
        { type: CKA.VALUE, value },
      ]);
      const readBack = (object: Handle) =>
        module.C_GetAttributeValue(session, object, [{ type: CKA.VALUE }])[0]?.value ?? Buffer.alloc(0);
      const same = readBack(handle).equals(value);
      module.C_DestroyObject(session, handle);

      if (!same) {
        throw new KeyManagerError("serverError", "The token gave back another data object than was stored.", {
          code: "PROBE_CHANGED",
        });
      }

      for (const left of this.#session.find(template)) {
        try {
          const at = readBack(left);

          if (at.length === 64 && Date.now() - Number(at.readBigUInt64BE()) > PROBE_STALE_MS) {
            module.C_DestroyObject(session, left);
          }
        } catch (error) {
          // Another process's probe, deleted by its maker meanwhile.
          if (!isStaleHandle(error)) {
            throw error;
          }
        }
      }
    });
  }

  #search(objectId: Buffer): Handle[] {
    return this.#session.find([...DATA_OBJECTS, { type: CKA.OBJECT_ID, value: objectId }]);
  }

  #recall(id: string): Handle | undefined {
    if (this.#generation !== this.#session.generation) {
      this.#handles.clear();
      this.#generation = this.#session.generation;
    }

    return this.#handles.get(id);
  }

  #remember(id: string, handle: Handle): void {
    this.#recall(id);

    if (this.#handles.size >= MAX_HANDLES) {
      const [oldest] = this.#handles.keys();
      this.#handles.delete(oldest ?? "");
    }

    this.#handles.set(id, handle);
  }
}

function requireObjectId(id: string): Buffer {
  const objectId = objectIdOf(id);

  if (objectId === null) {
    throw new Error("A new UUID is no UUID.");
  }

  return objectId;
}

function notFound(): KeyManagerError {
  return new KeyManagerError("notFound", "The token has no such data object.", {
    code: "DATA_OBJECT_NOT_FOUND",
  });
}
