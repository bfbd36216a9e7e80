/**
 * docs/tuning.md: every knob of the shipped rules with its default, its reason and the rules that use it.
 */
import { THRESHOLDS } from "../../src/config/tuning/thresholds.ts";
import { loadShipped, type Shipped } from "./shipped.ts";
import { table } from "./table.ts";

/** Values of a list that are shown; the files have all. */
const VALUES_MAX = 8;

const EXAMPLE: readonly string[] = [
  "```yaml",
  "tuning:",
  "  thresholds:",
  "    sm_bulk_endpoint_create: 10",
  "  lists:",
  "    gpu_launchers:",
  "      type: wildcard",
  '      values: ["arn:aws:iam::*:role/training-platform"]',
  "    approved_regions:",
  "      values: [eu-central-1, us-east-1]",
  "    approved_models:",
  "      type: wildcard",
  "      values: ['*amazon.nova-*', '*anthropic.claude-*']",
  "  calendars:",
  "    business:",
  "      zone: Europe/Berlin",
  '      open: [{ days: [mon, tue, wed, thu, fri], from: "07:00", to: "20:00" }]',
  '      holidays: ["2026-12-25"]',
  "```",
];

/** Text of the page. */
export function makeTuningPage(): string {
  const { shipped, lists } = loadShipped();
  const usedBy = (uses: (one: Shipped) => boolean): string =>
    shipped
      .filter(uses)
      .map(({ name }) => `[\`${name}\`](detections/${name}.md)`)
      .join(", ");
  const thresholds = Object.entries(THRESHOLDS).map(([name, { value, least, most, unit, why }]) => [
    `\`${name}\``,
    String(value),
    `${least} to ${most}`,
    unit,
    why,
    usedBy((one) => one.thresholds.includes(name)),
  ]);
  const listRows = lists.map(({ name, type, description, values }) => [
    `\`${name}\``,
    type,
    values.length === 0 ? "empty" : toShown(values),
    description.trim(),
    usedBy((one) => one.lists.includes(name)),
  ]);
  return `${[
    "# Tuning the shipped rules",
    "",
    "Every number, list and calendar that the shipped rules go by stands in one section of the configuration, `tuning`. `sagewatch config print` shows all of them as they are in use. Write only what differs:",
    "",
    ...EXAMPLE,
    "",
    "`sagewatch rules reload`, or SIGHUP, takes a change over while the daemon runs: windows keep what they counted and are judged under the new numbers, alerts keep their ids. To see a change before it is in use, run `sagewatch replay` over files of some days under each configuration and compare. An unknown name or a number out of its range is refused. `lists` and `calendars` may stand at the top of the file too; a name must not stand in both places.",
    "",
    "## Thresholds",
    "",
    table(["threshold", "default", "range", "what is counted", "why this number", "rules"], thresholds),
    "",
    "The texts of the rules name the default; what an alert says of itself (`why`) names the number in use. A rule of your own names a number by `x_engine.threshold` ([rule-language.md](rule-language.md)), and the name stands here too.",
    "",
    "## Lists",
    "",
    "A list of the same name takes the place of the shipped one as a whole; the shipped values are in `detections/lists/`. Who is on an allow list is not told of, so name roles, not whole accounts. Types: `string` compares the whole text without case, `wildcard` knows `*` and `?`, `cidr` is for addresses, `account` for ids of accounts, `regex` for expressions.",
    "",
    table(["list", "type", "default", "what it holds", "rules"], listRows),
    "",
    "## Calendars",
    "",
    `\`business\` is Monday to Friday, 07:00 to 20:00 UTC, until you define it; a start warns until then. An account with another rhythm names its own calendar under \`accounts\`. Rules that ask it: ${usedBy(({ asksCalendar }) => asksCalendar)}.`,
  ].join("\n")}\n`;
}

function toShown(values: readonly string[]): string {
  const more = values.length > VALUES_MAX ? [`and ${values.length - VALUES_MAX} more`] : [];
  return [...values.slice(0, VALUES_MAX).map((value) => `\`${value}\``), ...more].join(", ");
}
