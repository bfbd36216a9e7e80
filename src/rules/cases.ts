/**
 * Case files: what a rule must say, and must not say, about events written down beside it.
 *
 * NAME.cases.json stands beside NAME.yml. This file knows its form (checked in as detections/cases.schema.json for
 * editors), finds and reads such files, and tells every fault with file and path. It runs nothing: commands/rules/test.ts
 * does, through the engine itself, so that a case passes or fails for the reasons a daemon would have.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { JsonObject } from "../model/event.ts";

/** `fires`: the rule must alert. `near-miss`: close to the rule, and no alert. `legitimate`: honest use, and no alert. */
export const CASE_KINDS = ["fires", "near-miss", "legitimate"] as const;
export type CaseKind = (typeof CASE_KINDS)[number];

/** An event written whole, or by what differs from an earlier one of the same case. */
export type CaseEvent = JsonObject | DerivedEvent;
/** `base` is the index of a whole event before this one; `at` is relative to its time ("+5m", "-30s"); `set` by path. */
export type DerivedEvent = {
  readonly base: number;
  readonly at?: string;
  readonly set?: JsonObject;
  /** So many of them, each next one so much later than the one before. */
  readonly repeat?: { readonly times: number; readonly every: string };
};

/** How many alerts a rule makes of a case. `eventCount` is the sum over these alerts. */
export type Expectation = { readonly ruleId: string; readonly alerts: number; readonly eventCount?: number };

/** One case. `config` holds `accounts`, `tuning`, `calendars` and `lists` as a configuration file does. */
export type Case = {
  readonly name: string;
  readonly kind: CaseKind;
  readonly config?: JsonObject;
  readonly events: readonly CaseEvent[];
  readonly expect: readonly Expectation[];
};

/** What is wrong in a case file. `path` leads to the value, such as "cases[2].events[1].at"; empty: the whole file. */
export type CaseFault = { readonly file: string; readonly path: string; readonly message: string };

/** A case file as read: no cases when it has any fault. */
export type CaseFile = {
  readonly file: string;
  readonly cases: readonly Case[];
  readonly faults: readonly CaseFault[];
};

const ENDING = ".cases.json";
/** Largest case file in bytes: hundreds of whole records. */
const FILE_MAX_BYTES = 4 * 1024 * 1024;

/** Events that one line may stand for: what the largest threshold needs, and what still runs in a second. */
const REPEAT_MAX = 10_000;

const anything = z.record(z.string(), z.json(), { error: "must be an object" });

const derived = z
  .strictObject({
    base: z.number().int().min(0).describe("Index in `events` of the whole event that this one is like."),
    at: z
      .string()
      .regex(/^[+-](?:\d+[smhd])+$/, 'must be a time from the base\'s, such as "+5m" or "-1h30m"')
      .optional()
      .describe("Time of this event, from that of the base. Left out: the same time."),
    set: anything
      .optional()
      .describe('Values that differ, by path: "requestParameters.instancesSet.items.0.imageId". null is a value.'),
    repeat: z
      .strictObject({
        times: z.number().int().min(2).max(REPEAT_MAX).describe("How many events this one stands for."),
        every: z
          .string()
          .regex(/^(?:\d+[smhd])+$/, 'must be a duration such as "7s" or "1m30s"')
          .describe("Time from each to the next."),
      })
      .optional()
      .describe("This event several times over, each with an id of its own. Left out: once."),
  })
  .describe("An event like an earlier one. Its eventID (of a finding: id) is another, always the same one.");

const whole = anything
  .refine((event) => !Object.hasOwn(event, "base"), {
    error: "has a `base`, but `base`, `at`, `set` or `repeat` is wrong",
    abort: true,
  })
  .meta({
    description: "A record as AWS writes it, or the EventBridge envelope around one.",
    not: { required: ["base"] },
  });

const expectation = z.strictObject({
  ruleId: z.string().min(1).describe("`id` of a rule."),
  alerts: z.number().int().min(0).describe("How many alerts it makes."),
  eventCount: z.number().int().min(1).optional().describe("Events in these alerts together."),
});

const caseForm = z
  .strictObject({
    name: z.string().min(1).max(200).describe("What happens, in a few words. Each name once a file."),
    kind: z.enum(CASE_KINDS).describe("fires: must alert. near-miss and legitimate: must not."),
    config: z
      .strictObject({ accounts: anything, tuning: anything, calendars: anything, lists: anything })
      .partial()
      .optional()
      .describe("These sections of a configuration file, for this case alone. Left out: the defaults."),
    events: z.array(z.union([derived, whole])).min(1),
    expect: z.array(expectation).min(1).describe("A rule of the same file that is not named here must not alert."),
  })
  .superRefine(({ kind, expect }, check) => {
    const fires = expect.some(({ alerts }) => alerts > 0);
    if (fires === (kind === "fires")) return;
    const message =
      kind === "fires" ? "a case that fires expects at least one alert" : `a case of kind ${kind} expects no alert`;
    check.addIssue({ code: "custom", path: ["expect"], message });
  });

const fileForm = z.strictObject({
  $schema: z.string().optional(),
  cases: z.array(caseForm).min(1),
});

/** The form of case files as a JSON Schema, for editors. */
export function toCasesSchema(): JsonObject {
  const schema = z.toJSONSchema(fileForm, { target: "draft-2020-12", reused: "ref" }) as JsonObject;
  return { title: "Cases of a Sagewatch rule", ...schema };
}

/**
 * Rule and case files below `paths`, each once, in order of path. A rule file stands for itself and the cases beside it, a
 * case file for itself and its rule. Throws not_found for a path that does not exist, input_unreadable.
 */
export function findCaseFiles(paths: readonly string[]): {
  readonly rules: readonly string[];
  readonly cases: readonly string[];
} {
  const rules = new Set<string>();
  const cases = new Set<string>();
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw new SagewatchError("not_found", `rules test: \`${path}\` does not exist`);
    if (stat.isDirectory()) {
      rules.add(path);
      for (const found of walk(path)) cases.add(found);
    } else if (path.endsWith(ENDING)) {
      cases.add(path);
      for (const rule of toRuleFiles(path)) rules.add(rule);
    } else {
      rules.add(path);
      const beside = toCasesFile(path);
      if (statSync(beside, { throwIfNoEntry: false }) !== undefined) cases.add(beside);
    }
  }
  return { rules: [...rules], cases: [...cases] };
}

/** The rule file that a case file belongs to. Throws not_found when there is none. */
function toRuleFiles(casesFile: string): readonly string[] {
  const stem = casesFile.slice(0, -ENDING.length);
  const beside = [`${stem}.yml`, `${stem}.yaml`].filter(
    (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  );
  if (beside.length > 0) return beside;
  throw new SagewatchError("not_found", `rules test: \`${casesFile}\` has no rule file beside it; write ${stem}.yml`);
}

/** The case file of a rule file, whether it is there or not. */
export function toCasesFile(ruleFile: string): string {
  return ruleFile.replace(/\.ya?ml$/i, "") + ENDING;
}

function walk(folder: string): string[] {
  const entries = attempt(folder, () => readdirSync(folder, { withFileTypes: true }));
  return entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.name.startsWith(".")) return [];
      return entry.isDirectory() ? walk(path) : entry.name.endsWith(ENDING) ? [path] : [];
    });
}

/** Reads a case file. Faults of its form come back with their path; only a file that cannot be read throws (input_unreadable). */
export function readCaseFile(file: string): CaseFile {
  const faulty = (faults: readonly Omit<CaseFault, "file">[]): CaseFile => ({
    file,
    cases: [],
    faults: faults.map((fault) => ({ file, ...fault })),
  });
  const text = attempt(file, () => (statSync(file).size > FILE_MAX_BYTES ? null : readFileSync(file, "utf8")));
  if (text === null) return faulty([{ path: "", message: `is larger than ${FILE_MAX_BYTES / 1024 / 1024} MiB` }]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return faulty([{ path: "", message: `is not JSON: ${toMessage(thrown)}` }]);
  }
  const parsed = fileForm.safeParse(value);
  if (!parsed.success) {
    return faulty(parsed.error.issues.flatMap(flatten).map(({ path, message }) => ({ path: toPath(path), message })));
  }
  const cases = parsed.data.cases as readonly Case[];
  const seen = new Set<string>();
  const twice = cases.flatMap(({ name }, index) => {
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew ? [] : [{ path: `cases[${index}].name`, message: `the name "${name}" stands twice in this file` }];
  });
  return twice.length > 0 ? faulty(twice) : { file, cases, faults: [] };
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

/** Of an event that fits neither form, what is wrong with the one it seems to be: the derived one when it has `base`. */
function flatten(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const [ofDerived = [], ofWhole = []] = issue.errors;
  const hasBase = ofWhole.some(({ code }) => code === "custom");
  return (hasBase ? ofDerived : ofWhole).map(({ path, message }) => ({ path: [...issue.path, ...path], message }));
}

/** "cases[2].events[1].at" of its parts. */
export function toPath(parts: readonly PropertyKey[]): string {
  return parts.reduce<string>((path, part) => {
    if (typeof part === "number") return `${path}[${part}]`;
    return path === "" ? String(part) : `${path}.${String(part)}`;
  }, "");
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw new SagewatchError("input_unreadable", `cases: \`${path}\` cannot be read: ${toMessage(thrown)}`, {
      cause: thrown,
    });
  }
}
