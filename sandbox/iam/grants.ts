/** Grant type by which a service ID gets a token for its API key (IAM Identity Services API). */
export const API_KEY_GRANT = "urn:ibm:params:oauth:grant-type:apikey";

/** Grant type by which a service gets a token of one of its resource instances (IAM Identity Services API). */
export const RESOURCE_GRANT = "urn:ibm:params:oauth:grant-type:iam-authz";
