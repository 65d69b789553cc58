import { describe, expect, test } from "vitest";
import type { Provider } from "@/components/key-managers/providers";
import { parseDraft as parse } from "./draft";
import { initialState, reduce, type WizardAction, type WizardState } from "./state";
import { credentialsOf, isComplete, orderOf, reachableStep, stepsOf } from "./steps";

const provider = (kind: string, of: Partial<Provider> = {}): Provider => ({
  kind,
  title: kind,
  credential: {
    type: "apiKey",
    fields: [{ name: "apiKey", secret: true, minLength: 8, maxLength: 512 }],
    toDiscover: true,
  },
  authorization: false,
  dedicatedEndpoint: false,
  oneInstanceEach: false,
  choices: { keyRing: true, endpoint: true, region: true },
  deprecation: null,
  unavailable: null,
  ...of,
});
const PIN: Provider["credential"] = {
  type: "pin",
  fields: [{ name: "apiKey", secret: true, minLength: 4, maxLength: 512 }],
  toDiscover: false,
};
const PROVIDERS = [
  provider("key-protect"),
  provider("hpcs", { authorization: true }),
  provider("pkcs11", { credential: PIN }),
] as const;
const parseDraft = (text: string | null) => parse(text, PROVIDERS);

const counter = () => {
  let at = 0;

  return () => {
    at += 1;

    return `key-${at}`;
  };
};

const API_KEY = "an-api-key-of-a-service-id";
const manager = (n: number) => ({
  crn: `crn:v1:${n}`,
  guid: `guid-${n}`,
  name: `kp-${n}`,
  region: "eu-de",
  endpoints: { public: null, private: null },
});
const report = (ok: boolean) => ({ ok, checkedAt: "2026-03-03T10:00:00Z", serviceId: null, checks: [] });
const rootKey = { id: "crk-1", name: "prod", keyRing: "default" };

function run(...actions: WizardAction[]): WizardState {
  const newKey = counter();

  return actions.reduce((state, action) => reduce(state, action, newKey), initialState(PROVIDERS, newKey));
}

const BASICS: WizardAction = { type: "basics", values: { name: "fra-prod", region: "eu-de" } };
const CHOSEN: WizardAction[] = [
  BASICS,
  { type: "apiKey", apiKey: API_KEY },
  {
    type: "found",
    found: {
      serviceId: null,
      serviceIdName: null,
      keyManagers: [manager(1), manager(2)],
      authorizationCommands: [],
      notOffered: [],
    },
    kind: "key-protect",
    apiKey: API_KEY,
  },
  { type: "keyManager", keyManager: manager(1) },
  { type: "rootKey", rootKey },
  { type: "report", report: report(true) },
];

describe("what a change undoes", () => {
  test("another API key makes what was retrieved and checked say nothing", () => {
    const state = run(...CHOSEN, { type: "apiKey", apiKey: "another-api-key" });
    expect(state).toMatchObject({
      found: null,
      report: null,
      draft: { keyManager: { name: "kp-1" }, rootKey },
    });
    expect(isComplete("root-key", state)).toBe(false);
  });

  test("another key manager has other root keys", () => {
    const state = run(...CHOSEN, { type: "keyManager", keyManager: manager(2) });
    expect(state.draft).toMatchObject({ keyManager: { name: "kp-2" }, rootKey: null });
    expect(state.report).toBeNull();
  });

  test("another root key needs another check; the same one does not", () => {
    expect(run(...CHOSEN, { type: "rootKey", rootKey: { ...rootKey, id: "crk-2" } }).report).toBeNull();
    expect(run(...CHOSEN, { type: "rootKey", rootKey }).report).not.toBeNull();
  });

  test("another kind forgets what was found with the API key, not the API key", () => {
    const state = run(...CHOSEN, { type: "kind", kind: "hpcs" });
    expect(state).toMatchObject({
      apiKey: API_KEY,
      found: null,
      report: null,
      draft: { keyManager: null, rootKey: null },
    });
    expect(isComplete("key-manager", state)).toBe(false);
  });

  test("retrieving again keeps the choice when it is still there, and drops it when it is not", () => {
    const found = (n: number[]): WizardAction => ({
      type: "found",
      found: {
        serviceId: null,
        serviceIdName: null,
        keyManagers: n.map(manager),
        authorizationCommands: [],
        notOffered: [],
      },
      kind: "key-protect",
      apiKey: API_KEY,
    });
    expect(run(...CHOSEN, found([1, 3])).draft.rootKey).toEqual(rootKey);
    expect(run(...CHOSEN, found([2, 3])).draft).toMatchObject({ keyManager: null, rootKey: null });
  });

  test("a single key manager is chosen by itself", () => {
    const found = {
      serviceId: null,
      serviceIdName: null,
      keyManagers: [manager(1)],
      authorizationCommands: [],
      notOffered: [],
    };
    const state = run(
      { type: "apiKey", apiKey: API_KEY },
      { type: "found", found, kind: "key-protect", apiKey: API_KEY },
    );
    expect(state.draft.keyManager?.crn).toBe("crn:v1:1");
  });

  test.each([
    ["another kind", { type: "kind", kind: "hpcs" }],
    ["another API key", { type: "apiKey", apiKey: "another-api-key" }],
  ] as const)("an answer that comes after %s was chosen says nothing", (_change, change) => {
    const found = {
      serviceId: null,
      serviceIdName: null,
      keyManagers: [manager(3)],
      authorizationCommands: [],
      notOffered: [],
    };
    const before = run(...CHOSEN, change);
    const after = reduce(
      before,
      { type: "found", found, kind: "key-protect", apiKey: API_KEY },
      () => "late",
    );
    expect(after).toBe(before);
  });
});

describe("another sort of credential", () => {
  test("is not the one that was typed for another kind", () => {
    const pin = run({ type: "apiKey", apiKey: API_KEY }, { type: "kind", kind: "pkcs11" });
    expect(pin.apiKey).toBe("");
    expect(
      run(
        { type: "kind", kind: "pkcs11" },
        { type: "apiKey", apiKey: "1234" },
        { type: "kind", kind: "hpcs" },
      ).apiKey,
    ).toBe("");
  });

  test("is as long as its kind says", () => {
    const chosen: WizardAction[] = [
      { type: "kind", kind: "pkcs11" },
      { type: "keyManager", keyManager: manager(1) },
    ];
    expect(isComplete("key-manager", run(...chosen, { type: "apiKey", apiKey: "123" }))).toBe(false);
    expect(isComplete("key-manager", run(...chosen, { type: "apiKey", apiKey: "1234" }))).toBe(true);
  });
});

test("a draft for a kind that there is no more is no draft", () => {
  const { draft } = run(...CHOSEN);
  expect(parseDraft(JSON.stringify({ ...draft, kind: "gone" }))).toBeNull();
});

describe("a report that comes late", () => {
  const late: WizardAction = {
    type: "checked",
    report: report(true),
    apiKey: API_KEY,
    keyManagerCrn: "crn:v1:1",
    endpoint: "",
    crkId: rootKey.id,
  };
  const waiting: WizardAction[] = [...CHOSEN, { type: "report", report: null }];

  test("is that of the choice it was made for", () => {
    expect(run(...waiting, late).report?.ok).toBe(true);
  });

  test.each([
    ["API key", { type: "apiKey", apiKey: "another-api-key" }],
    ["key manager", { type: "keyManager", keyManager: manager(2) }],
    ["root key", { type: "rootKey", rootKey: { ...rootKey, id: "crk-2" } }],
    ["endpoint", { type: "endpoint", endpoint: "https://other.example.com" }],
  ] as const)("says nothing of another %s", (_what, change) => {
    expect(run(...waiting, change, late).report).toBeNull();
  });
});

describe("an endpoint given by hand", () => {
  test("is ordered, and is another key manager's no more", () => {
    const given: WizardAction[] = [...CHOSEN, { type: "endpoint", endpoint: " https://proxy.example.com " }];
    expect(run(...given).report).toBeNull();
    expect(orderOf(run(...given)).keyManager).toMatchObject({ endpoint: "https://proxy.example.com" });
    expect(orderOf(run(...CHOSEN)).keyManager).not.toHaveProperty("endpoint");
    expect(run(...given, { type: "keyManager", keyManager: manager(2) }).draft.endpoint).toBe("");
  });
});

describe("steps", () => {
  test("a step in the URL is shown only when all before it are complete", () => {
    expect(reachableStep("review", "order", run())).toBe("basics");
    expect(reachableStep("review", "order", run(BASICS))).toBe("key-manager");
    expect(reachableStep("review", "order", run(...CHOSEN))).toBe("review");
    expect(reachableStep("basics", "order", run(...CHOSEN))).toBe("basics");
    expect(reachableStep(null, "activate", run())).toBe("key-manager");
  });

  test("a failed report stops at the root key", () => {
    const state = run(...CHOSEN, { type: "report", report: report(false) });
    expect(reachableStep("certificates", "order", state)).toBe("root-key");
  });

  test("choosing the key manager later skips the root key", () => {
    const state = run(BASICS, { type: "later", later: true });
    expect(stepsOf("order", state.draft)).not.toContain("root-key");
    expect(reachableStep("review", "order", state)).toBe("review");
    expect(orderOf(state)).toEqual({ name: "fra-prod", region: "eu-de" });
  });

  test.each([
    ["", "eu-de"],
    ["a", ""],
    ["a", "EU DE"],
    [" ", "eu-de"],
  ])("basics %j %j are not complete", (name, region) => {
    expect(isComplete("basics", run({ type: "basics", values: { name, region } }))).toBe(false);
  });

  test("a certificate without a name stops at the certificates", () => {
    const certificate = {
      name: " ",
      pem: "x",
      sha256: "0",
      subject: "CN=a",
      notAfter: "2030-01-01T00:00:00Z",
    };
    const state = run(...CHOSEN, { type: "certificates", certificates: [certificate] });
    expect(reachableStep("review", "order", state)).toBe("certificates");
  });
});

describe("draft", () => {
  test("a reload brings everything back but the API key and the report", () => {
    const before = run(...CHOSEN);
    const stored = JSON.stringify(before.draft);
    expect(stored).not.toContain(API_KEY);

    const draft = parseDraft(stored);
    const after = draft === null ? run() : run({ type: "restore", draft });
    expect(after.draft).toEqual(before.draft);
    expect(after).toMatchObject({ apiKey: "", report: null });
    expect(reachableStep("review", "order", after)).toBe("key-manager");
  });

  test("a draft of before loses an endpoint that an authorization does not take", () => {
    const { draft } = run();
    const endpoint = "https://proxy.example.com";
    const restored = (authorization: boolean) =>
      run({ type: "restore", draft: { ...draft, authorization, endpoint } }).draft.endpoint;

    expect(restored(true)).toBe("");
    expect(restored(false)).toBe(endpoint);
  });

  test("what is no draft is no draft", () => {
    expect(parseDraft(null)).toBeNull();
    expect(parseDraft("{")).toBeNull();
    expect(parseDraft('{"name":1}')).toBeNull();
  });
});

test("the same order keeps its idempotency key; another order gets another one", () => {
  const ordered = run(...CHOSEN);
  expect(reduce(ordered, { type: "report", report: report(true) }, () => "new").idempotencyKey).toBe(
    ordered.idempotencyKey,
  );
  expect(reduce(ordered, { type: "basics", values: { name: "other" } }, () => "new").idempotencyKey).toBe(
    "new",
  );
});

test("the order is what the API takes", () => {
  expect(orderOf(run(...CHOSEN))).toEqual({
    name: "fra-prod",
    region: "eu-de",
    keyManager: { kind: "key-protect", apiKey: API_KEY, crn: "crn:v1:1", keyRing: "default", crkId: "crk-1" },
  });
});

describe("HPCS by authorization", () => {
  const authorized = (mode: "order" | "activate"): WizardAction => ({
    type: "authorization",
    kind: "hpcs",
    authorization: true,
    ordered: mode === "activate",
  });

  test("is ordered first, without a key manager", () => {
    const state = run(BASICS, { type: "apiKey", apiKey: API_KEY }, authorized("order"));
    expect(stepsOf("order", state.draft)).toEqual(["basics", "key-manager", "certificates", "review"]);
    expect(isComplete("key-manager", state)).toBe(true);
    expect(orderOf(state)).not.toHaveProperty("keyManager");
  });

  test("is activated without an API key, even one that was typed before", () => {
    const found = {
      serviceId: null,
      serviceIdName: null,
      keyManagers: [manager(1)],
      authorizationCommands: [],
      notOffered: [],
    };
    const state = run(
      { type: "apiKey", apiKey: API_KEY },
      authorized("activate"),
      { type: "found", found, kind: "hpcs", apiKey: API_KEY },
      { type: "rootKey", rootKey },
      { type: "report", report: report(true) },
    );
    expect(isComplete("key-manager", state)).toBe(true);
    expect(orderOf(state).keyManager).toEqual({
      kind: "hpcs",
      crn: "crn:v1:1",
      keyRing: "default",
      crkId: "crk-1",
    });
    expect(credentialsOf(state, "instance")).toEqual({ instanceId: "instance" });

    const back = reduce(
      state,
      { type: "authorization", kind: "hpcs", authorization: false, ordered: true },
      () => "key",
    );
    expect(back).toMatchObject({ found: null, report: null, draft: { kind: "hpcs", keyManager: null } });
    expect(credentialsOf(back, "instance")).toEqual({ apiKey: API_KEY });
  });
});
