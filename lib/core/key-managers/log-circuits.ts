import { onCircuitChange } from "@/lib/key-managers/call-limits";

type CircuitLogger = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
};

/** Writes to the process's log when a key manager is left alone for being out, and when it is back. */
export function logCircuits(logger: CircuitLogger): void {
  onCircuitChange(({ instanceGuid, endpoint, circuit, failures }) => {
    const fields = { keyManagerInstance: instanceGuid, endpoint, circuit };

    switch (circuit) {
      case "open":
        logger.warn({ ...fields, failures }, "key manager out; calls to it fail at once for a moment");
        break;
      case "halfOpen":
        logger.info(fields, "asking the key manager whether it is back");
        break;
      case "closed":
        logger.info(fields, "key manager is back");
    }
  });
}
