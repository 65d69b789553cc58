import { expect, it } from "vitest";
import { admittanceOf } from "@/lib/core/client-certificates/dates";
import { refusedBy } from "./refused-by";

const now = new Date("2026-12-01T00:00:00Z");

it.each([
  ["2026-11-30T00:00:00Z", "2026-01-01T00:00:00Z"],
  ["2026-11-01T00:00:00Z", "2026-01-01T00:00:00Z"],
  ["2020-01-01T00:00:00Z", "2026-11-30T00:00:00Z"],
  ["2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
  ["2026-12-01T00:00:00Z", "2026-01-01T00:00:00Z"],
])(
  "a certificate that ends at %s, pinned at %s: the form says what the endpoints do",
  (notAfter, createdAt) => {
    for (const rule of ["grace", "warn"] as const) {
      for (const graceDays of [0, 1, 10, 30, 3_650]) {
        const { until } = admittanceOf(
          { notBefore: new Date(0), notAfter: new Date(notAfter), createdAt: new Date(createdAt) },
          { expiredCertificates: rule, expiredGraceDays: graceDays },
        );

        expect(refusedBy({ notAfter, createdAt }, { rule, graceDays }, now)).toBe(
          until !== null && until <= now,
        );
      }
    }
  },
);
