/**
 * What can be wrong with a rule file: the closed table of codes, and the collector that parsers report to.
 *
 * Parsers never throw for what a rule's author wrote: they report here and go on, so that one run shows everything.
 * Each finding names its place, the offending value and a remedy. `error` leaves the rule out, `warning` does not;
 * what the specification forbids but its meaning is plain is an error in strict mode and a warning in lenient mode.
 * docs/rule-problems.md is generated from the table.
 */
import { nearest } from "../lib/nearest.ts";
import type { Expression, Place, Problem } from "./ast.ts";

/** Code → meaning in one line. */
export const PROBLEM_CODES = {
  problems_more: "The file has more problems than are told.",
  file_too_large: "The file is larger than 1 MiB, or a file of a list than 4 MiB.",
  file_not_utf8: "The file is not valid UTF-8.",
  yaml_syntax: "The text is not valid YAML 1.2.",
  yaml_duplicate_key: "A key stands twice in one map.",
  yaml_key: "A key is not a plain text.",
  yaml_alias: "An alias leads nowhere, into itself, or blows up the document.",
  yaml_tag: "A tag other than the standard ones of YAML is used.",
  yaml_too_deep: "Maps and lists nest deeper than 64 levels.",
  yaml_version: "YAML 1.1 tools read this unquoted value differently.",
  document_empty: "The file holds no rule.",
  document_kind: "The document is no map, or is both of two kinds.",
  action_unknown: "The value of `action` is none of global, reset, repeat.",
  action_conflict: "A global document overrides a key of the rule.",
  key_missing: "A mandatory key is missing.",
  key_unknown: "A key has no meaning here.",
  value_type: "A value is of the wrong type.",
  value_unknown: "A value is not in the closed list that the specification gives.",
  title_length: "The title is longer than 256 characters.",
  id_format: "The id is not a UUID.",
  tag_format: "A tag is not of the form namespace.name in lower case.",
  date_format: "A date is not of the form YYYY-MM-DD.",
  level_missing: "The rule has no level; medium is used.",
  status_retired: "The rule is deprecated or unsupported and is not loaded.",
  version_selector: "The field name has an array selector, which is read only with `sigma-version: 3`.",
  array_selector: "The brackets in a field name are no array selector.",
  array_scopes: "Fields with the same array selector stand apart, so each may mean another member.",
  version_unsupported: "The rule asks for a later Sigma than this engine reads.",
  taxonomy_unknown: "The field names are of a taxonomy that is not mapped.",
  taxonomy_field: "The taxonomy has no such field of CloudTrail, or its values are not those of the record.",
  behavior_unsupported: "Documents with `behavior` are not run by this engine yet.",
  duplicate_id: "Two rules of the set have the same id, name or (where they have neither) title.",
  logsource_empty: "The log source states nothing, so the rule would meet every record.",
  logsource_custom: "The log source states a field that no input declares, so the rule meets no record.",
  detection_empty: "A detection, map or list of values is empty.",
  detection_unused: "The condition uses no detection of this name.",
  detection_value: "A value has a type that cannot be compared.",
  detection_map_value: "A field's value is a map.",
  detection_null_in_list: "A list of values holds null.",
  keyword_value: "A keyword is null, or its modifiers need a field.",
  field_unknown: "No field of this name is computed before the match.",
  field_case: "The field name differs from a known one by case only.",
  api_source_unknown: "No AWS service of this name writes to CloudTrail.",
  api_event_unknown: "No operation or event of the AWS services that the rule states has this name.",
  api_field_unknown:
    "CloudTrail records, or the parameters and responses of the operations or the service that the rule states, have no such field.",
  rule_too_large: "The rule is larger than the engine takes.",
  modifier_unknown: "A modifier does not exist.",
  modifier_chain: "The modifiers cannot stand together, or not in this order.",
  modifier_value: "The value does not suit its modifier.",
  modifier_all_single: "The modifier `all` stands with a single value.",
  encoding_wildcard: "A value that is encoded holds a wildcard.",
  encoding_alone: "The encoding works only with a modifier that is missing.",
  regex_invalid: "The regular expression is not valid.",
  regex_unsupported:
    "The regular expression needs look-around, back-references or another construct without linear-time matching.",
  regex_too_long: "The regular expression is longer than 4 KiB.",
  cidr_invalid: "The value is no IP network.",
  cidr_host_bits: "The network has host bits set.",
  expand_list_unknown: "A placeholder names a list that is not defined.",
  expand_list_type: "A cidr or regex list stands inside other text.",
  expand_list_entry: "An entry of a list is not of the list's type.",
  expand_limit: "Placeholders stand for more values than the engine expands.",
  expand_no_placeholder: "The modifier `expand` stands on a value without a %placeholder%.",
  condition_syntax: "The condition cannot be read.",
  condition_case: "A word of the condition is not in lower case.",
  condition_unknown: "The condition names a detection that does not exist.",
  condition_no_match: "A pattern of the condition matches no detection.",
  condition_n_of: "The form `N of` with N above 1 is no standard Sigma.",
  condition_aggregation: "Aggregations behind a pipe, near and timeframe are no longer part of Sigma.",
  condition_too_deep: "The condition nests deeper than 64 levels or is longer than 16 KiB.",
  timespan_format: "A duration is not a whole number with a unit.",
  timespan_unit: "The duration uses a unit that other tools read differently.",
  correlation_type: "The correlation's type does not exist.",
  correlation_condition: "The correlation's condition is wrong.",
  correlation_condition_never: "The bounds of the condition contradict each other.",
  correlation_condition_extended: "The text condition of the correlation is wrong or has no place here.",
  correlation_field: "The correlation's field is missing or out of place.",
  correlation_rule_unknown: "The correlation refers to a rule that is not in the set.",
  correlation_rule_failed: "The correlation refers to a rule that has errors.",
  correlation_rule_title: "The correlation refers to a rule by its title.",
  correlation_rule_twice: "The correlation names a rule twice.",
  correlation_alias: "An alias is incomplete, unused or names a rule that is not correlated.",
  correlation_cycle: "Correlations refer to each other in a circle.",
  engine_option: "A key of `x_engine` is out of place or has a wrong value.",
  threshold_value: "The configuration sets a threshold to a number that the rule cannot count to.",
  threshold_default: "A threshold has another number in another rule of the set.",
  filter_rule_unknown: "The filter refers to a rule that is not in the set.",
  filter_correlation: "The filter refers to a correlation; filters act on detections only.",
  filter_logsource: "The filter's log source is not that of a rule it names.",
  filter_positive: "The filter keeps what its selection matches, and most filters mean the opposite.",
} as const;

/** A code of the closed table. */
export type ProblemCode = keyof typeof PROBLEM_CODES;

/** How third-party latitude is judged: `strict` holds to the specification, `lenient` accepts and warns. */
export type Mode = "strict" | "lenient";

/** The words of one finding. `value` is shortened to 200 characters. */
export type Words = { readonly message: string; readonly value?: string; readonly remedy: string };

/** What must be known of a scalar to find a place inside it: its value, whether it stands unquoted, its offset. */
type Scalar = { readonly value: unknown; readonly plain: boolean; readonly at: number };

/** Offsets of a leaf's value and of its field, and the value's text as written. */
export type WrittenAs = { readonly at: number; readonly fieldAt: number; readonly source: string };

/** Collects the problems of one file. Offsets are UTF-16 indexes into its text. */
export type Findings = {
  readonly mode: Mode;
  readonly file: string;
  error(code: ProblemCode, at: number, words: Words): void;
  warning(code: ProblemCode, at: number, words: Words): void;
  /** An error in strict mode, a warning in lenient mode. */
  lapse(code: ProblemCode, at: number, words: Words): void;
  /** Errors so far: a parser compares two readings to learn whether its part failed. */
  errors(): number;
  place(at: number): Place;
  /** Spends work of checking regular expressions; false once the file has used up REGEX_WORK_MAX. */
  spend(work: number): boolean;
  /** "; did you mean `x`" or nothing, as nearest.ts. Only the first SUGGESTIONS_MAX of a file search: sets can be large. */
  suggest(word: string, names: Iterable<string>): string;
  /** The nearest of the names within so many edits, as nearest.ts; it counts as a search of `suggest`. */
  near(word: string, names: Iterable<string>, most?: number): string | null;
  /** Where each leaf and each array of members was written. */
  readonly writtenAs: WeakMap<Expression, WrittenAs>;
  /** Offset of the character `index` of a scalar's value, or the scalar's start when escapes or folding hide it. */
  inside(scalar: Scalar, index: number): number;
};

/** Problems of one file that are told; beyond it the file is no rule file. Errors count all the same. */
const PROBLEMS_MAX = 500;
/** Work of a file's regular expressions, in states of their automata: about a second. The largest public rule needs some 60,000. */
const REGEX_WORK_MAX = 500_000;
/** Searches for a near name in one file. */
const SUGGESTIONS_MAX = 20;

/** Longest offending value that a problem repeats. */
const VALUE_MAX = 200;

const MORE: Words = { message: `the file has more than ${PROBLEMS_MAX} problems`, remedy: "mend those above first" };

/** A collector for one file that adds to `problems`. */
export function createFindings(file: { path: string; text: string }, mode: Mode, problems: Problem[]): Findings {
  let lineStarts: readonly number[] | null = null;
  let errors = 0;
  let told = 0;
  /** Place in `problems` of the word that there are more. */
  let moreAt = -1;
  let suggestions = 0;
  let work = 0;
  const place = (at: number): Place => {
    lineStarts ??= toLineStarts(file.text);
    const line = lineAt(lineStarts, at);
    return { file: file.path, line: line + 1, column: at - (lineStarts[line] ?? 0) + 1 };
  };
  const report = (severity: "error" | "warning", found: { code: ProblemCode; at: number; words: Words }): void => {
    if (severity === "error") errors += 1;
    told += 1;
    if (told > PROBLEMS_MAX) {
      const more = problems[moreAt];
      // Behind warnings alone may come what refuses the file.
      if (severity === "error" && more !== undefined) problems[moreAt] = { ...more, severity };
      return;
    }
    const isLast = told === PROBLEMS_MAX;
    const { code, at, words } = isLast ? { ...found, code: "problems_more" as const, words: MORE } : found;
    const value = words.value ?? "";
    const shown = value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}…` : value;
    if (isLast) moreAt = problems.length;
    problems.push({
      ...place(at),
      severity: isLast && errors > 0 ? "error" : severity,
      code,
      message: words.message,
      value: shown,
      remedy: words.remedy,
    });
  };
  const near = (word: string, names: Iterable<string>, most?: number): string | null => {
    suggestions += 1;
    return suggestions > SUGGESTIONS_MAX ? null : nearest(word, names, most);
  };
  return {
    mode,
    file: file.path,
    near,
    writtenAs: new WeakMap(),
    error: (code, at, words) => report("error", { code, at, words }),
    warning: (code, at, words) => report("warning", { code, at, words }),
    lapse: (code, at, words) => report(mode === "strict" ? "error" : "warning", { code, at, words }),
    errors: () => errors,
    spend: (more) => (work += more) <= REGEX_WORK_MAX,
    suggest: (word, names) => {
      const name = near(word, names);
      return name === null ? "" : `; did you mean \`${name}\``;
    },
    place,
    inside: (scalar, index) => {
      const start = scalar.plain ? scalar.at : scalar.at + 1;
      return typeof scalar.value === "string" && file.text.startsWith(scalar.value, start) ? start + index : scalar.at;
    },
  };
}

function toLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Index of the last start that is not behind `at`. */
function lineAt(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
