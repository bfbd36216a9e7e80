/**
 * SigmaHQ's AWS rules on captured CloudTrail records: our parser and evaluation find exactly what pySigma's trees say,
 * evaluated the slow way.
 */
import { describe, expect, test } from "vitest";
import { compileRules } from "../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { eventOf, NO_LISTS } from "./build.ts";
import { HAS_PUBLIC_DATA, parseRecords, readPublicRecords, readPublicRules, readPublicTrees } from "./public-rules.ts";
import { slowEvaluate } from "./slow-evaluate.ts";

const PREFIX = "rules/cloud/aws/";

describe.skipIf(!HAS_PUBLIC_DATA)("SigmaHQ's AWS rules (../shared/data)", () => {
  test("match what pySigma's trees match", () => {
    const { ruleSet, problems } = parseRuleFiles(readPublicRules(PREFIX), { mode: "lenient" });
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    const trees = readPublicTrees(PREFIX);
    expect(ruleSet.detections.map(({ place }) => place.file)).toEqual([...trees.keys()].toSorted());
    const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
    expect(rules.problems).toEqual([]);

    const [ours, theirs]: [string[], string[]] = [[], []];
    for (const [index, record] of parseRecords(readPublicRecords()).entries()) {
      const event = eventOf(record);
      for (const rule of rules.evaluate(event)) ours.push(`${index} ${ruleSet.detections[rule]?.place.file}`);
      for (const [path, tree] of trees) if (slowEvaluate(tree, event, NO_LISTS)) theirs.push(`${index} ${path}`);
    }
    expect(ours.toSorted()).toEqual(theirs.toSorted());
    expect(new Set(ours.map((line) => line.split(" ")[1])).size).toBeGreaterThan(20);
    expect(ours).toHaveLength(214);
  });
});
