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
import { loadRules } from "../../src/rules/load.ts";

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
