/** Routing by severity, tag, account, rule and source: alone, and from delivery files through the whole daemon. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { When } from "../../src/model/outbox.ts";
import type { Signal } from "../../src/model/signal.ts";
import { toOperationalAlert } from "../../src/pipeline/operational.ts";
import { createRoute, type Routable, type RoutedRule } from "../../src/pipeline/route.ts";
import { record } from "../commands/records.ts";
import { createPlace, run, toConfig, write } from "../e2e/make.ts";
import { endpointBurst } from "../encode/alerts.ts";

const rule: RoutedRule = { name: "endpoint-burst", title: "Many endpoints", tags: ["attack.t1496", "team.ML"] };
const pointer = { source: "spool", path: "a", index: 0 };
const alert: Routable = {
  content: endpointBurst,
  records: [{ key: "k", recordHash: "h", timeMs: 0, pointer, record: null, from: null }],
};

const isRouted = (when: When, about: Routable = alert): boolean =>
  createRoute([{ name: "s", minSeverity: "low", when }], (id) => (id === endpointBurst.ruleId ? rule : undefined))(
    about,
  ).length === 1;

test.each([
  [{}, true],
  [{ minSeverity: "high" }, true],
  [{ minSeverity: "critical" }, false],
  [{ tags: ["attack.t1496"] }, true],
  [{ tags: ["attack.t149"] }, false],
  [{ tags: ["ATTACK.*"] }, true],
  [{ tags: ["team.ml", "team.web"] }, true],
  [{ tags: ["team.web"] }, false],
  [{ accounts: ["111122223333"] }, true],
  [{ accounts: ["ml-prod"] }, true],
  [{ accounts: ["444455556666", "ml-dev"] }, false],
  [{ rules: ["endpoint-burst"] }, true],
  [{ rules: ["endpoint-*"] }, true],
  [{ rules: ["Many endpoints"] }, true],
  [{ rules: [endpointBurst.ruleId] }, true],
  [{ rules: ["br-*"] }, false],
  [{ sources: ["spool"] }, true],
  [{ sources: ["guardduty"] }, false],
  [{ tags: ["team.*"], accounts: ["ml-prod"], sources: ["spool"] }, true],
  [{ tags: ["team.*"], accounts: ["ml-dev"], sources: ["spool"] }, false],
] as const)("%o: %s", (when, wanted) => {
  expect(isRouted(when)).toBe(wanted);
});

test("the severity under `when` stands over that of the sink", () => {
  const low: Routable = { ...alert, content: { ...endpointBurst, severity: "informational" } };
  expect([isRouted({}, low), isRouted({ minSeverity: "informational" }, low)]).toEqual([false, true]);
});

test("an alert whose rule is gone has no tags and no name, and still its id, account and source", () => {
  const gone: Routable = { ...alert, content: { ...endpointBurst, ruleId: "gone" } };
  expect(isRouted({ tags: ["*"] }, gone)).toBe(false);
  expect(isRouted({ rules: ["gone"], accounts: ["ml-prod"] }, gone)).toBe(true);
});

test("what Sagewatch says of itself passes every list, unless it is kept out or not severe enough", () => {
  const own = toOperationalAlert("sink_down", { key: "s", why: "w", nowMs: 0, sinks: [] });
  expect(isRouted({ tags: ["team.web"], accounts: ["1"], rules: ["x"], sources: ["y"] }, own)).toBe(true);
  expect(isRouted({ operational: false }, own)).toBe(false);
  expect(isRouted({ minSeverity: "critical" }, own)).toBe(false);
});

const RULES = `title: Trail off
name: trail-off
level: high
tags: [team.platform]
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: StopLogging}, condition: call}
---
title: Role assumed
name: role-assumed
level: low
tags: [team.identity]
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: AssumeRole}, condition: call}
`;

test("each sink of a daemon gets what it asked for, and a pattern that no rule fits is told", async () => {
  const place = createPlace();
  const rules = write(join(place.root, "own", "rules.yml"), RULES);
  const records = [
    record(1),
    record(2, { recipientAccountId: "444455556666" }),
    record(3, { eventName: "AssumeRole", eventSource: "sts.amazonaws.com" }),
  ];
  write(join(place.input, "a.json"), JSON.stringify({ Records: records }));
  const whens: Record<string, When> = {
    everything: {},
    platform: { tags: ["team.platform"] },
    account: { accounts: ["ml-prod"] },
    identity: { rules: ["role-*"], tags: ["team.nobody", "team.identity"] },
    severe: { minSeverity: "high", accounts: ["444455556666"] },
  };
  const base = toConfig(place, { rules: [rules] });
  const [source] = base.sources;
  const sinks = Object.entries(whens).map(([name, when]) => ({
    type: "file",
    name,
    path: join(place.root, `${name}.out`),
    when,
  }));
  whens["elsewhere"] = { sources: [String(source?.name)] };
  sinks.push({ type: "file", name: "elsewhere", path: join(place.root, "elsewhere.out"), when: whens["elsewhere"] });
  const config = toConfig(place, {
    rules: [rules],
    more: { sinks, accounts: { "111122223333": { name: "ml-prod" } } },
  });
  const signals: Signal[] = [];
  await run(config, { emit: (signal) => void signals.push(signal) });
  const got = Object.keys(whens).map((name): [string, number[]] => {
    const path = join(place.root, `${name}.out`);
    const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
    const alerts = lines
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { ruleName: string; eventIds: string[] });
    const own = alerts.filter(({ ruleName }) => ["Trail off", "Role assumed"].includes(ruleName));
    return [name, own.map(({ eventIds }) => Number(eventIds[0]?.slice(-2))).toSorted((a, b) => a - b)];
  });
  expect(Object.fromEntries(got)).toEqual({
    everything: [1, 2, 3],
    platform: [1, 2],
    account: [1, 3],
    identity: [3],
    severe: [2],
    elsewhere: [1, 2, 3],
  });
  expect(signals.filter(({ type }) => type === "route_unmatched")).toEqual([
    { type: "route_unmatched", sink: "identity", key: "tags", pattern: "team.nobody" },
  ]);
});

test("a source or account that is not there, and an empty list, are refused with their place", () => {
  const check = (when: object): string => {
    const text = JSON.stringify({
      sources: [{ type: "file", name: "spool", paths: ["in"] }],
      accounts: { "111122223333": { name: "ml-prod" } },
      sinks: [{ type: "console", when }],
    });
    try {
      parseConfig(text, { adapters: ADAPTERS, path: null });
      return "accepted";
    } catch (error) {
      return String(error);
    }
  };
  expect(check({ sources: ["spool"], accounts: ["ml-prod", "999988887777", "ml-*"] })).toBe("accepted");
  expect(check({ sources: ["spol"] })).toContain('no source is called so, is "spol"; did you mean `spool`');
  expect(check({ accounts: ["ml-prd"] })).toContain('no account is called so, is "ml-prd"; did you mean `ml-prod`');
  expect(check({ tags: [] })).toContain("`sinks[0].when.tags`: must be of length 1 or more");
  expect(check({ severity: "high" })).toMatch(/severity/);
});
