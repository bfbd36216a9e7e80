/** Alerts of one principal or account, as an enricher asks for them. */
import { expect, test } from "vitest";
import type { Store } from "../../../src/contracts.ts";
import { toUtcText } from "../../../src/lib/clock.ts";
import type { AlertContent } from "../../../src/model/alert.ts";
import { content, draft, START, unit } from "../make.ts";
import { open } from "../temp.ts";

test("recent alerts are those of one principal, or of an account where none is named, newest first", () => {
  const store = open(null);
  const at = (id: string, minute: number, over: Partial<AlertContent> = {}) => ({
    ...draft(id),
    content: content(id, { lastEventTime: toUtcText(START + minute * 60_000), ...over }),
  });
  const bob = { principal: "arn:aws:iam::111122223333:user/bob" };
  const alerts = [at("a", 1), at("b", 3), at("c", 3), at("d", 5), at("e", 4, bob), at("f", 2, { accountId: "4" })];
  store.commit(unit({ alerts }));
  const ask = (over: Partial<Parameters<Store["views"]["recent"]>[0]>): string[] => {
    const whole = { principal: "", accountId: "111122223333", fromMs: START, toMs: START + 300_000, limit: 10 };
    return store.views.recent({ ...whole, ...over }).map(({ id }) => id);
  };
  expect(ask({ principal: content("x").principal })).toEqual(["b", "c", "f", "a"]);
  expect(ask({ principal: "user/bob" })).toEqual([]);
  expect(ask({})).toEqual(["e", "b", "c", "a"]);
  expect(ask({ limit: 2, toMs: START + 300_001 })).toEqual(["d", "e"]);
});
