/** The parts of an IBM Cloud resource name that matter here. */
export type Crn = {
  /** Service segment: `kms` (Key Protect), `hs-crypto` (HPCS) … */
  readonly service: string;
  readonly region: string;
  readonly accountId: string | null;
  /** GUID of the service instance. */
  readonly instance: string;
};

/**
 * Parses a cloud resource name (`crn:v1:bluemix:public:kms:us-south:a/<account>:<guid>::`), the ten segments of
 * IBM Cloud's "Cloud Resource Names". Null when the text is none or names no service instance.
 */
export function parseCrn(text: string): Crn | null {
  const segments = text.split(":");
  const [prefix, version, , , service, region, scope, instance] = segments;

  if (segments.length !== 10 || prefix !== "crn" || version !== "v1" || !service || !region || !instance) {
    return null;
  }

  if (!/^[A-Za-z0-9._-]+$/.test(instance)) {
    return null;
  }

  return {
    service,
    region,
    accountId: scope?.startsWith("a/") ? scope.slice(2) : null,
    instance,
  };
}
