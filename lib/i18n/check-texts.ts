import { keyManagerSentence } from "./key-manager-texts";
import type { Messages } from "./messages";
import { fill, type Translate } from "./translate";

type DetailCode = keyof Messages["findings"]["detail"];
type RemedyCode = keyof Messages["findings"]["remedy"];
type WhyCode = keyof Messages["findings"]["why"];
type CheckId = keyof Messages["permissions"]["checks"];
type ConnectionCheckId = keyof Messages["connect"]["test"]["checks"];

/** A check of permissions or of a connection: which, what was found, and the values that its texts name. */
export type Check = {
  readonly id: string;
  readonly code?: string | undefined;
  readonly params?: { readonly [name: string]: string } | undefined;
};

/** Texts of a check; null where the messages have none. */
export type CheckTexts = {
  readonly title: string | null;
  readonly detail: string | null;
  readonly remedy: string | null;
};

/** The title of a check; null for a check that the messages do not know. */
export function checkTitle(t: Translate, id: string): string | null {
  if (t.has(`permissions.checks.${id as CheckId}`)) {
    return t(`permissions.checks.${id as CheckId}`);
  }
  if (t.has(`connect.test.checks.${id as ConnectionCheckId}`)) {
    return t(`connect.test.checks.${id as ConnectionCheckId}`);
  }

  return null;
}

/**
 * Why something is missing or failed, one sentence. Without a code, or without the values that the code's text names
 * (reports of before did not keep them), what the report itself says.
 */
function whyText(t: Translate, params: NonNullable<Check["params"]>): string {
  const key = `findings.why.${params.whyCode as WhyCode}` as const;
  const said = params.why ?? "";
  if (params.whyCode === undefined || !t.has(key)) {
    return said;
  }

  const named = params.otherInstance || params.onlyKeyRing ? "yes" : "no";
  const hasValues = ["role", "roles", "otherInstance"].some((name) => params[name] !== undefined);

  return hasValues || !/\{\w+[,}]/.test(String(t.raw(key))) ? fill(t, key, { ...params, named }) : said;
}

/**
 * Values that are texts themselves, in the language of `t`: a cause by the key manager's own code, why a role is missing,
 * for which other check this one waits.
 */
export function textParams(t: Translate, params: NonNullable<Check["params"]>) {
  return {
    cause: keyManagerSentence(t, params.keyManagerCode) ?? params.cause ?? "",
    why: whyText(t, params),
    checkTitle: (params.check && checkTitle(t, params.check)) ?? params.checkTitle ?? "",
  };
}

/** Every value that a text may name beside what the check itself sent. */
function valuesOf(t: Translate, params: NonNullable<Check["params"]>) {
  const { serviceId, serviceIdName: name = "", iamCode } = params;
  const owner = name ? "named" : serviceId ? "unnamed" : "user";
  const product = params.product || t("findings.anyProduct");

  return {
    ...params,
    ...textParams(t, params),
    owner: t(`findings.owner.${owner}`, { name }),
    ownerWithin: t(`findings.ownerWithin.${owner}`, { name }),
    keyManagerName: params.keyManagerName || t("findings.unnamedInstance", { product }),
    apiKeyName: params.apiKeyName || params.apiKeyId,
    iamCodeNote: iamCode ? t("findings.iamCodeNote", { code: iamCode }) : "",
    kmipInstance: params.kmipInstance || "KMIP_INSTANCE_ID",
  };
}

/** Words a check in the language of `t`, by its stable code. */
export function checkTexts(t: Translate, { id, code, params = {} }: Check): CheckTexts {
  const values = valuesOf(t, params);
  const has = (kind: "detail" | "remedy") =>
    code !== undefined && t.has(`findings.${kind}.${code as DetailCode & RemedyCode}`);

  return {
    title: checkTitle(t, id),
    detail: has("detail") ? fill(t, `findings.detail.${code as DetailCode}`, values) : null,
    remedy: has("remedy") ? fill(t, `findings.remedy.${code as RemedyCode}`, values) : null,
  };
}
