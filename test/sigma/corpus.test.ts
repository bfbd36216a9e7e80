/**
 * Our reading of the public rules against pySigma's, tree by tree, and every wanted deviation by name.
 */
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { canonicalJson } from "../../src/lib/canonical.ts";
import type { Expression, Problem } from "../../src/sigma/ast.ts";
import { toForm } from "../../src/sigma/canonical.ts";
import { compileRules } from "../../src/sigma/compile.ts";
import { anyOf } from "../../src/sigma/detection/expression.ts";
import { type ParsedRules, parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { fromOracle, hasCorpus, readCorpus, readModifierCases, readOracle } from "./corpus.ts";

const textOf = (expression: Expression): string => canonicalJson(toForm(expression));

describe.skipIf(!hasCorpus)("public corpus (needs ../shared/data/sigmahq)", () => {
  const corpus = hasCorpus ? readCorpus() : new Map<string, string>();
  const inFolder = (folder: string): { path: string; text: string }[] =>
    [...corpus].filter(([path]) => path.startsWith(`${folder}/`)).map(([path, text]) => ({ path, text }));
  const errorsOf = ({ problems }: ParsedRules): readonly Problem[] =>
    problems.filter(({ severity }) => severity === "error");
  const count = (problems: readonly Problem[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { code } of problems) counts[code] = (counts[code] ?? 0) + 1;
    return counts;
  };

  test("all 3,141 files of rules/ load, compiled, in under 2 s", () => {
    const files = inFolder("rules");
    // Time of this thread: a neighbour on the machine does not count.
    const nowMs = (): number => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1000;
    };
    const parse = (): number => {
      const begunMs = nowMs();
      for (const { text } of files) parseAllDocuments(text);
      return nowMs() - begunMs;
    };
    const load = (): number => {
      const begunMs = nowMs();
      const parsed = parseRuleFiles(files, { mode: "lenient", lists: new Set() });
      const compiled = compileRules(parsed.ruleSet, { lists: new Map(), fields: new Map() });
      const elapsedMs = nowMs() - begunMs;
      expect([errorsOf(parsed), compiled.problems]).toStrictEqual([[], []]);
      expect(parsed.ruleSet.detections).toHaveLength(3141);
      return elapsedMs;
    };
    // Two seconds where the YAML parser alone takes up to 700 ms for these texts; a slower machine has as much more.
    const [reference, ours] = [Math.min(parse(), parse()), Math.min(load(), load(), load())];
    expect(ours).toBeLessThan(2000 * Math.max(1, reference / 700));
  });

  test.for([
    ["rules-emerging-threats", 473, 2, { expand_list_unknown: 2 }],
    ["rules-threat-hunting", 140, 0, {}],
    ["rules-compliance", 3, 0, {}],
    ["rules-placeholder", 23, 23, { expand_list_unknown: 33 }],
    ["deprecated", 172, 4, { condition_aggregation: 2, expand_list_unknown: 8 }],
    ["unsupported", 87, 62, { condition_aggregation: 102, condition_syntax: 4, duplicate_id: 1 }],
  ] as const)(
    "%s: of %i files %i are refused, and only for what Sigma itself dropped or has no list for",
    ([folder, files, refused, expected]) => {
      const parsed = parseRuleFiles(inFolder(folder), { mode: "lenient", lists: new Set(), retired: true });
      expect(inFolder(folder)).toHaveLength(files);
      expect(count(errorsOf(parsed))).toStrictEqual(expected);
      expect(new Set(errorsOf(parsed).map(({ file }) => file)).size).toBe(refused);
      for (const { line, column, remedy, value } of errorsOf(parsed)) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(remedy).not.toBe("");
        expect(value).not.toBe("");
      }
    },
  );

  test("every tree of pySigma is ours", () => {
    const files = [...corpus]
      .filter(([path]) => !path.startsWith("unsupported/"))
      .map(([path, text]) => ({ path, text }));
    const { ruleSet } = parseRuleFiles(files, { mode: "lenient", retired: true });
    const ours = new Map<string, Expression[]>();
    for (const { place, expression } of ruleSet.detections.toSorted((a, b) => a.place.line - b.place.line)) {
      ours.set(place.file, [...(ours.get(place.file) ?? []), expression]);
    }
    const theirs = new Map<string, Expression[]>();
    for (const { p, d, t } of readOracle()) {
      if (t !== undefined) theirs.set(`${p} ${d ?? 0}`, [...(theirs.get(`${p} ${d ?? 0}`) ?? []), fromOracle(t)]);
    }
    const wrong: string[] = [];
    let compared = 0;
    for (const [key, conditions] of theirs) {
      const [path = "", document] = key.split(" ");
      const mine = ours.get(path)?.[Number(document)];
      if (
        path.startsWith("unsupported/") ||
        (mine === undefined && path.startsWith("deprecated/other/generic_brute_force"))
      )
        continue;
      compared += 1;
      if (mine === undefined || textOf(mine) !== textOf(anyOf(conditions))) wrong.push(key);
    }
    expect(wrong).toStrictEqual([]);
    expect(compared).toBeGreaterThan(3900);
  });

  /** Small detections that we read otherwise on purpose. */
  const OWN_READING: ReadonlyMap<string, string> = new Map([
    ["re_contains", "a search needs no .* around the expression"],
    ["base64offset", "contains is implied: the parts stand inside longer text"],
    ["expand_escaped", "an escaped percent sign is a plain percent sign"],
  ]);
  /** Errors of pySigma whose meaning is plain: lenient mode accepts and warns. */
  const LENIENT: ReadonlySet<string> = new Set([
    "contains_number",
    "cidr_hostbits",
    "gt_text_number",
    "exists_text",
    "cond_two_of",
    "cond_upper_case_ops",
  ]);

  test.for(hasCorpus ? readModifierCases() : [])("$name", ({ name, detection, t, err }) => {
    const document = {
      title: name,
      id: "0e95725d-7320-415d-80f7-004da920fc11",
      level: "low",
      logsource: { product: "aws" },
      detection,
    };
    const file = { path: name, text: JSON.stringify(document) };
    const strict = parseRuleFiles([file], { mode: "strict" });
    const lenient = parseRuleFiles([file], { mode: "lenient" });
    const mine = lenient.ruleSet.detections[0];
    const isAccepted = { strict: strict.ruleSet.detections.length === 1, lenient: mine !== undefined };
    const isPlain = err === undefined && !["all_single", "list_mixed_types"].includes(name);
    expect(isAccepted).toStrictEqual({ strict: isPlain, lenient: err === undefined || LENIENT.has(name) });
    const theirs = t === undefined || t.length === 0 ? null : textOf(anyOf(t.map(fromOracle)));
    const isSame = theirs === null || (mine !== undefined && textOf(mine.expression) === theirs);
    expect(isSame).toBe(!OWN_READING.has(name));
  });
});
