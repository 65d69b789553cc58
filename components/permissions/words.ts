"use client";

import { useLocale, useTranslations } from "next-intl";
import type { PermissionCheckItem } from "@/lib/api/key-managers/schemas";
import type { Messages } from "@/lib/i18n/messages";

type DetailCode = keyof Messages["findings"]["detail"];
type RemedyCode = keyof Messages["findings"]["remedy"];
type WhyCode = keyof Messages["findings"]["why"];
type CauseCode = keyof Messages["errors"]["keyManager"]["cause"];
type CheckId = keyof Messages["permissions"]["checks"];
type ConnectionCheckId = keyof Messages["connect"]["test"]["checks"];

export type FindingWords = { title: string; detail: string; remedy: string | null };

/**
 * Words one check, of permissions or of a connection, in the reader's language by its stable code and the values the server sent along. A code of
 * a newer server, or a text that needs a value it did not send, falls back to the server's own words.
 */
export function useFindingWords(): (check: PermissionCheckItem) => FindingWords {
  const t = useTranslations("findings");
  const tCause = useTranslations("errors.keyManager");
  const tCheck = useTranslations("permissions.checks");
  const tConnection = useTranslations("connect.test.checks");
  const locale = useLocale();

  const titleOf = (id: string, fallback: string) => {
    if (tCheck.has(id as CheckId)) {
      return tCheck(id as CheckId);
    }
    if (tConnection.has(id as ConnectionCheckId)) {
      return tConnection(id as ConnectionCheckId);
    }

    return fallback;
  };

  return (check) => {
    const params = check.params ?? {};
    const detailCode = check.code as DetailCode;
    const remedyCode = check.code as RemedyCode;
    const whyCode = params.whyCode as WhyCode;
    const causeCode = params.keyManagerCode as CauseCode | undefined;
    const values = {
      ...NO_VALUES,
      ...params,
      cause:
        causeCode && tCause.has(`cause.${causeCode}`)
          ? `${tCause(`cause.${causeCode}`)} ${tCause(`remedy.${causeCode}`)} (${causeCode})`
          : (params.cause ?? ""),
      keyManagerName: params.keyManagerName || params.guid || t("thisInstance"),
      owner: params.serviceIdName
        ? t("ownerNamed", { name: params.serviceIdName })
        : params.serviceId
          ? t("owner")
          : t("ownerUser"),
      // In English the server's sentence says more: it names the roles and instances.
      why: locale !== "en" && t.has(`why.${whyCode}`) ? t(`why.${whyCode}`) : (params.why ?? ""),
      checkTitle: params.check ? titleOf(params.check, params.checkTitle ?? "") : (params.checkTitle ?? ""),
    };
    const known = check.code !== undefined && t.has(`detail.${detailCode}`);

    return {
      title: titleOf(check.id, check.title),
      detail: known ? t(`detail.${detailCode}`, values).trim() : check.detail,
      remedy:
        check.code !== undefined && t.has(`remedy.${remedyCode}`)
          ? t(`remedy.${remedyCode}`, values)
          : (check.remedy ?? null),
    };
  };
}

/** Every value that a text may name; what a check did not send is left out of its sentence. */
const NO_VALUES = {
  addresses: "",
  apiKeyName: "",
  attributes: "",
  bits: "",
  cause: "",
  cipher: "",
  crkId: "",
  crkName: "",
  endpoint: "",
  expiresAt: "",
  guid: "",
  host: "",
  iamCode: "",
  iamId: "",
  insideAddress: "",
  keyManagerCode: "",
  keyRing: "",
  kmipInstance: "",
  model: "",
  moduleName: "",
  notAfter: "",
  notBefore: "",
  port: "",
  product: "",
  serviceId: "",
  serviceIdName: "",
  sha256: "",
  state: "",
  tlsProtocol: "",
  token: "",
  versions: "",
  wantedKeyRing: "",
  why: "",
  zone: "",
};
