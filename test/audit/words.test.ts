import { expect, it } from "vitest";
import { KMIP_ACTIONS, KMIP_DEFAULT_ACTION } from "@/lib/audit/kmip-actions";
import { CONSOLE_ACTIONS } from "@/lib/core/audit/actions";
import english from "@/messages/en";
import chinese from "@/messages/zh-CN";

it.each([
  ["English", english],
  ["Chinese", chinese],
])("every action of an event has words in %s", (_language, messages) => {
  const words: Record<string, string> = messages.audit.actions;
  const actions = [
    ...[...KMIP_ACTIONS.values(), KMIP_DEFAULT_ACTION].map(({ action }) => action),
    ...Object.keys(CONSOLE_ACTIONS),
  ];

  // As components/audit/words.tsx looks them up.
  expect(
    actions.filter((action) => !words[action.replace("vmware-solutions.", "").replaceAll(".", "_")]),
  ).toEqual([]);
});
