import { AppError, type ErrorText } from "@/lib/core/errors";
import { keyManagerSentence } from "@/lib/i18n/key-manager-texts";
import type { Messages } from "@/lib/i18n/messages";
import { describeCertificateFinding } from "./certificate-findings";
import { describeReport, keptReport } from "./checks";
import { english } from "./english";
import { describeInUse } from "./in-use";

type RefusalCode = keyof Messages["settings"]["rootKey"]["refusal"];

function sentenceOf(text: ErrorText): string | null {
  switch (text.of) {
    case "keyManager":
      return keyManagerSentence(english, text.code);
    case "rotation": {
      const key = `settings.rootKey.refusal.${text.reason as RefusalCode}` as const;

      return english.has(key) ? english(key) : keyManagerSentence(english, text.reason);
    }
    case "certificate":
      return text.findings.map((finding) => describeCertificateFinding(finding).message).join(" ");
    case "instanceInUse":
      return text.reasons.map((reason) => describeInUse(reason).detail).join(" ");
    case "certificatesInUse":
      return english("instances.deleted.certificatesInUse", { names: text.names.join(", ") });
  }
}

/** Findings and reports in an error's extra members, as answers show them. */
function describeExtra({ code, extra, text }: AppError): AppError["extra"] {
  if (text?.of === "certificate" && extra?.findings !== undefined) {
    return { ...extra, findings: text.findings.map(describeCertificateFinding) };
  }
  if (text?.of === "instanceInUse") {
    return { ...extra, reasons: text.reasons.map(describeInUse) };
  }
  const report = code === "PERMISSION_CHECK_FAILED" ? keptReport.safeParse(extra?.report) : undefined;

  return report?.success ? { ...extra, report: describeReport(report.data) } : extra;
}

/**
 * An error in English, where its words stand in the messages. Any other error comes back itself.
 * The answer and the audit event of a refusal are made of what this returns.
 */
export function describeError(error: AppError): AppError {
  const detail = (error.text && sentenceOf(error.text)) ?? error.message;
  const extra = describeExtra(error);
  if (detail === error.message && extra === error.extra) {
    return error;
  }

  return new AppError(error.code, detail, {
    // A parameter that is refused for the same reason says so in the same words.
    invalidParams: error.invalidParams?.map((param) =>
      param.reason === error.message ? { ...param, reason: detail } : param,
    ),
    extra,
    cause: error.cause,
  });
}
