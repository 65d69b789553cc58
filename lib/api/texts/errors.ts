import { AppError, type ErrorText } from "@/lib/core/errors";
import { keyManagerSentence } from "@/lib/i18n/key-manager-texts";
import type { Messages } from "@/lib/i18n/messages";
import { describeCertificateFinding } from "./certificate-findings";
import { english } from "./english";

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
  }
}

/** Findings in an error's extra members are shown as answers show them. */
function describeExtra(error: AppError): AppError["extra"] {
  const { extra, text } = error;

  return extra?.findings === undefined || text?.of !== "certificate"
    ? extra
    : { ...extra, findings: text.findings.map(describeCertificateFinding) };
}

/**
 * An error with its detail in words, where they stand in the messages. Any other error comes back itself.
 * The answer and the audit event of a refusal are made of what this returns.
 */
export function describeError(error: AppError): AppError {
  const detail = error.text === undefined ? null : sentenceOf(error.text);
  if (detail === null) {
    return error;
  }

  return new AppError(error.code, detail, {
    // A parameter that is refused for the same reason says so in the same words.
    invalidParams: error.invalidParams?.map((param) =>
      param.reason === error.message ? { ...param, reason: detail } : param,
    ),
    extra: describeExtra(error),
    cause: error.cause,
  });
}
