/**
 * What a process has once. Next compiles route handlers and pages into bundles of their own, each with its own copy of
 * a module's variables; what has to be one for the whole process hangs on globalThis, under one name for all of it.
 */
const holder = globalThis as { __kmipConsole?: Map<string, unknown> };

/** A value of the process that may be missing, be set and be taken away again. */
export type ProcessSlot<Value> = {
  /** The value, or null while there is none. */
  get(): Value | null;
  /** Null takes it away. */
  set(value: Value | null): void;
};

/** The slot of this name: the same value wherever in the process it is asked for. */
export function processSlot<Value>(name: string): ProcessSlot<Value> {
  return {
    get: () => (holder.__kmipConsole?.get(name) as Value | undefined) ?? null,
    set(value) {
      holder.__kmipConsole ??= new Map();

      if (value === null) {
        holder.__kmipConsole.delete(name);
      } else {
        holder.__kmipConsole.set(name, value);
      }
    },
  };
}

/** A function that answers the process's one value of this name, made when it is first asked for. */
export function perProcess<Value>(name: string, create: () => Value): () => Value {
  const slot = processSlot<Value>(name);

  return () => {
    let value = slot.get();

    if (value === null) {
      value = create();
      slot.set(value);
    }

    return value;
  };
}
