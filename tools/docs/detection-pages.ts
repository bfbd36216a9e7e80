/**
 * docs/detections/NAME.md: a page a shipped rule, made from the rule, its cases and its row in docs/detections.md.
 */
import { readFileSync } from "node:fs";
import { THRESHOLDS } from "../../src/config/tuning/thresholds.ts";
import { knownTechnique } from "../../src/encode/technique.ts";
import { expandEvents } from "../../src/rules/case-events.ts";
import { readCaseFile, toCasesFile } from "../../src/rules/cases.ts";
import { toConditionLines } from "./condition-words.ts";
import { type ListFile, loadShipped, type Rule, type Shipped } from "./shipped.ts";
import { table } from "./table.ts";

const LIST_PAGE = new URL("../../docs/detections.md", import.meta.url);
/** Values of a list that are shown. */
const VALUES_MAX = 6;

/** Pages by path. A rule without a row in docs/detections.md has no short sentence; a test asks for the row. */
export function makeDetectionPages(): ReadonlyMap<string, string> {
  const { shipped, byId, lists } = loadShipped();
  const rows = readRows();
  return new Map(
    shipped.map((one) => {
      const row = rows.get(one.name) ?? { fires: "", needs: "–" };
      return [`docs/detections/${one.name}.md`, makePage(one, { row, byId, lists })];
    }),
  );
}

/** Columns "fires when" and "needs" of the list, by name of the rule. */
function readRows(): ReadonlyMap<string, { readonly fires: string; readonly needs: string }> {
  const rows = readFileSync(LIST_PAGE, "utf8")
    .split("\n")
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .flatMap((cells) => {
      const name = /^\[?`([a-z0-9-]+)`/.exec(cells[1] ?? "")?.[1];
      return name === undefined || cells.length < 8
        ? []
        : [[name, { fires: cells[4] ?? "", needs: cells[5] ?? "" }] as const];
    });
  return new Map(rows);
}

type Known = {
  readonly row: { readonly fires: string; readonly needs: string };
  readonly byId: ReadonlyMap<string, Rule>;
  readonly lists: readonly ListFile[];
};

function makePage(one: Shipped, { row, byId, lists }: Known): string {
  const { name, rule, needs } = one;
  const [what, ...first] = rule.description.split(/\n+(?=First: )/);
  const file = rule.place.file.replace(/^.*\/(detections\/)/, "$1");
  return `${[
    `# ${rule.title}`,
    "",
    `\`${name}\` · level **${rule.level}** · ${rule.status ?? "no status"} · id \`${rule.id}\` · [all detections](../detections.md)`,
    "",
    (what ?? "").trim(),
    "",
    "## What to check first",
    "",
    first
      .join(" ")
      .replace(/^First: (.)/, (_all, letter: string) => letter.toUpperCase())
      .trim(),
    "",
    "## Fires when",
    "",
    ...(row.fires === "" ? [] : [`In short: ${row.fires.replace(/\.?$/, ".")}`, ""]),
    ...toConditionLines(rule, byId),
    "",
    "## Data that it needs",
    "",
    ...needs.map((need) => `- ${need}`),
    // The plans of GuardDuty stand above already.
    ...(/^(?:–|GuardDuty)/.test(row.needs) ? [] : [`- ${row.needs}`]),
    "",
    "## ATT&CK and ATLAS",
    "",
    table(["technique", "name", "tactics"], toTechniques(rule)),
    "",
    "## Numbers and lists",
    "",
    ...toKnobs(one, lists),
    "",
    "## False positives",
    "",
    ...rule.falsePositives.map((text) => `- ${text}`),
    "",
    "## An event that fires",
    "",
    ...toExample(rule),
    "",
    `The rule is [${file}](../../${file}); its cases stand beside it, each a proof of what fires and what does not.`,
    "",
    "## References",
    "",
    ...rule.references.map((url) => `- <${url}>`),
  ].join("\n")}\n`;
}

function toTechniques({ tags }: Rule): string[][] {
  const ids = tags
    .filter((tag) => /^(?:attack\.t\d|atlas\.aml\.t)/.test(tag))
    .map((tag) => tag.slice(tag.indexOf(".") + 1).toUpperCase());
  return ids.map((id) => {
    const known = knownTechnique(id);
    return [id, known?.name ?? "", (known?.tactics ?? []).join(", ")];
  });
}

function toKnobs({ thresholds, lists: used, asksCalendar }: Shipped, lists: readonly ListFile[]): readonly string[] {
  const rows = [
    ...thresholds.map((name) => {
      const known = THRESHOLDS[name];
      return [`\`thresholds.${name}\``, `${known?.value}`, `${known?.unit}; ${known?.why}`];
    }),
    ...used.map((name) => {
      const list = lists.find((one) => one.name === name);
      return [`\`lists.${name}\``, toShown(list?.values ?? []), (list?.description ?? "").trim()];
    }),
    ...(asksCalendar
      ? [
          [
            "`calendars.business`",
            "Monday to Friday, 07:00 to 20:00 UTC",
            "When people work; an account with another rhythm names its own calendar under `accounts`.",
          ],
        ]
      : []),
  ];
  if (rows.length === 0)
    return [
      "None: the rule has nothing to set. Leave out what is known by a Sigma filter of your own (docs/rule-language.md).",
    ];
  return [
    "They stand under `tuning` in the configuration ([tuning.md](../tuning.md)).",
    "",
    table(["knob", "default", "what it is"], rows),
  ];
}

function toShown(values: readonly string[]): string {
  if (values.length === 0) return "empty";
  const more = values.length > VALUES_MAX ? [`and ${values.length - VALUES_MAX} more`] : [];
  return [...values.slice(0, VALUES_MAX).map((value) => `\`${value}\``), ...more].join(", ");
}

/** The first case that fires: its name and its first whole record. */
function toExample(rule: Rule): readonly string[] {
  const { cases } = readCaseFile(toCasesFile(rule.place.file));
  const fires = cases.find(({ kind, expect }) => kind === "fires" && expect.some(({ ruleId }) => ruleId === rule.id));
  if (fires === undefined) return ["There is no case yet."];
  const { records } = expandEvents(fires.events);
  const first = JSON.stringify(records[0], null, 2);
  const of = records.length === 1 ? "The record:" : `The first of ${records.length} records:`;
  return [`The case “${fires.name}”. ${of}`, "", "```json", first, "```"];
}
