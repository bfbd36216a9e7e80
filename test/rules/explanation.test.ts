/**
 * Explanations against the engine: over the shipped rules and the events of their cases, every verdict fits the whole.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { compileRules } from "../../src/sigma/compile.ts";
import { decoders } from "../../src/decode/registry.ts";
import { createFields } from "../../src/match/fields.ts";
import type { Event } from "../../src/model/event.ts";
import { expandEvents } from "../../src/rules/case-events.ts";
import { findCaseFiles, readCaseFile } from "../../src/rules/cases.ts";
import { createExplain, type Verdict } from "../../src/rules/explanation.ts";
import { loadLists } from "../../src/rules/lists.ts";
import { renderExplanation } from "../../src/rules/explanation-text.ts";
import { loadRules, loadTexts } from "../../src/rules/load.ts";

const detections = join(import.meta.dirname, "../../detections");

/** Every CloudTrail event of the shipped cases. */
function caseEvents(): Event[] {
  const cases = findCaseFiles([detections]).cases.flatMap((file) => readCaseFile(file).cases);
  return cases
    .flatMap((of) => expandEvents(of.events).records)
    .flatMap((record) => {
      const event = decoders.cloudtrail.decode(Buffer.from(JSON.stringify(record)), {
        nowMs: null,
        duplicateKeys: false,
      });
      return "reason" in event ? [] : [event];
    });
}

/** The verdict that the parts of a node give it. */
function judge(verdict: Verdict): boolean {
  if (verdict.op === "leaf" || verdict.op === "member") return verdict.matched;
  const parts = verdict.of.map(judge);
  if (verdict.op === "not") return parts[0] !== true;
  return verdict.op === "and" ? parts.every(Boolean) : parts.some(Boolean);
}

test("the verdict of each leaf, joined up the tree, is the engine's on the whole rule", () => {
  const { ruleSet } = loadRules([detections], { mode: "strict" });
  expect(ruleSet).not.toBeNull();
  const options = { lists: loadLists({}), fields: createFields({ calendars: {}, accountCalendars: {} }) };
  const rules = ruleSet?.detections ?? [];
  const compiled = compileRules({ detections: rules, correlations: [] }, options);
  const events = caseEvents().slice(0, 400);
  let matches = 0;
  for (const [index, rule] of rules.entries()) {
    const explain = createExplain(rule, [], (parts) => compileRules({ detections: parts, correlations: [] }, options));
    for (const event of events) {
      const { tree, matched, isTried, failedFirst } = explain(event);
      if (!isTried) continue;
      const hit = compiled.evaluate(event).includes(index);
      expect([rule.title, matched, judge(tree)]).toStrictEqual([rule.title, hit, hit]);
      expect(failedFirst === null).toBe(hit);
      matches += hit ? 1 : 0;
    }
  }
  expect(matches).toBeGreaterThan(20);
});

test("of a list of maps, and of keywords, the text says how many hold and where these stand in the file", () => {
  const text = `title: Maps
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9d01
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  sel:
    - eventName: ListModels
      awsRegion: us-east-1
    - eventName: ListModels
      sourceIPAddress|startswith: "192."
  words:
    - curl
    - sagemaker
    - ListModels
  none: [{eventName: Nothing, awsRegion: x}, {eventName: Other, awsRegion: y}]
  condition: sel and words and not none
`;
  const { ruleSet } = loadTexts([{ path: "maps.yml", text }], { mode: "lenient" });
  const options = { lists: loadLists({}), fields: createFields({ calendars: {}, accountCalendars: {} }) };
  const [rule] = ruleSet?.detections ?? [];
  if (rule === undefined) throw new Error("no rule");
  const record = {
    eventID: "e1",
    eventTime: "2026-03-10T08:00:00Z",
    eventSource: "sagemaker.amazonaws.com",
    eventName: "ListModels",
    awsRegion: "eu-west-1",
    sourceIPAddress: "192.0.2.1",
  };
  const event = decoders.cloudtrail.decode(Buffer.from(JSON.stringify(record)), { nowMs: null, duplicateKeys: false });
  if ("reason" in event) throw new Error(event.reason);
  const explain = createExplain(rule, [], (parts) => compileRules({ detections: parts, correlations: [] }, options));
  const lines = renderExplanation(explain(event)).filter((line) => line.includes("any of"));
  expect(lines.map((line) => line.replace(/ +/g, " "))).toEqual([
    "matched any of: 1 of 2 holds, lines 9 to 10",
    "matched any of: 2 of 3 hold, line 13 and line 14",
    "failed any of: none of 2 holds",
  ]);
});
