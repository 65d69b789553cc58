import { z } from "zod";

/** `POST /identity/token` (shapes: IAM Identity Services API). */
export const tokenResponse = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().positive(),
});

/** The claims of an IAM access token that matter here. */
export const tokenClaims = z.object({
  iam_id: z.string().min(1),
  name: z.string().optional(),
  sub_type: z.string().optional(),
  account: z.object({ bss: z.string().min(1) }),
});

/** Error bodies of IAM's services: identity, policy management, resource controller. */
export const iamErrorBody = z.object({
  errorCode: z.string().optional(),
  error_code: z.string().optional(),
  code: z.string().optional(),
  errors: z.array(z.object({ code: z.string().optional() })).optional(),
});

export const apiKeyDetails = z.object({
  id: z.string(),
  name: z.string(),
  iam_id: z.string(),
  account_id: z.string(),
  locked: z.boolean().default(false),
  disabled: z.boolean().default(false),
  expires_at: z.string().optional(),
});

export const serviceIdDetails = z.object({
  id: z.string(),
  iam_id: z.string(),
  name: z.string(),
  account_id: z.string(),
  description: z.string().optional(),
});

const v2Attribute = z.object({
  key: z.string(),
  operator: z.string(),
  value: z.union([z.string(), z.boolean(), z.array(z.string())]),
});

/** One policy of `GET /v2/policies`. */
export const policyV2 = z.object({
  id: z.string(),
  type: z.string(),
  state: z.string().default("active"),
  subject: z.object({ attributes: z.array(v2Attribute).default([]) }).optional(),
  control: z.object({
    grant: z.object({ roles: z.array(z.object({ role_id: z.string() })) }),
  }),
  resource: z
    .object({
      attributes: z.array(v2Attribute).default([]),
      tags: z.array(z.unknown()).optional(),
    })
    .optional(),
  rule: z.unknown().optional(),
});

export const policyV2Page = z.object({
  policies: z.array(policyV2).default([]),
  next: z.object({ start: z.string().optional() }).optional(),
});

export const accessGroupPage = z.object({
  groups: z.array(z.object({ id: z.string(), name: z.string() })).default([]),
  next: z.object({ href: z.string().optional() }).optional(),
});

const role = z.object({
  crn: z.string(),
  display_name: z.string().default(""),
  actions: z.array(z.string()).default([]),
});

export const roleList = z.object({
  custom_roles: z.array(role).default([]),
  service_roles: z.array(role).default([]),
  system_roles: z.array(role).default([]),
});

export type ApiKeyDetails = z.output<typeof apiKeyDetails>;
export type ServiceIdDetails = z.output<typeof serviceIdDetails>;
export type PolicyV2 = z.output<typeof policyV2>;
export type AccessGroup = z.output<typeof accessGroupPage>["groups"][number];
export type RoleList = z.output<typeof roleList>;
