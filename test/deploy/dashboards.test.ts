/**
 * The dashboard and the alerting rules ask for metrics and labels that exist, say what they show, and lead to the runbook.
 *
 * Grafana itself is not at hand in the tests: a JSON Schema of our own says what its dashboard model asks of a file of this
 * schema version (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { METRICS } from "../../src/ops/telemetry/table.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "deploy/dashboards");

type Target = { refId: string; expr: string; legendFormat: string; datasource: { type: string; uid: string } };
type Grid = { x: number; y: number; w: number; h: number };
type Panel = {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: Grid;
  datasource?: { type: string; uid: string };
  fieldConfig?: {
    defaults: { unit: string; thresholds: { mode: string; steps: { value: number | null; color: string }[] } };
  };
  options?: object;
  targets?: Target[];
};
type Variable = { name: string; type: string; query: unknown };
type Dashboard = {
  title: string;
  uid: string;
  schemaVersion: number;
  version: number;
  time: { from: string; to: string };
  templating: { list: Variable[] };
  panels: Panel[];
};
type Rule = {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
};

const dashboard: Dashboard = JSON.parse(readFileSync(join(folder, "sagewatch.json"), "utf8"));
const rules = (
  parse(readFileSync(join(folder, "alerts.yml"), "utf8")) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const shown = dashboard.panels.filter(({ type }) => type !== "row");

/** What a PromQL text asks of our metrics that is not there; labels that a scraper adds are always there. */
function findUnknown(expr: string): string[] {
  const bare = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const used = [...bare.matchAll(/\b((?:sagewatch|process)_[a-z_]+)(\{[^}]*\})?/g)];
  const known = used.map(([, name = ""]) =>
    METRICS.find(
      (metric) => metric.name === (metric.type === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name),
    ),
  );
  const scraped = new Set(["instance", "job"]);
  const labels = new Set(
    known.flatMap((metric) => [...(metric?.labels ?? []), ...(metric?.type === "histogram" ? ["le"] : [])]),
  );
  return [
    ...used.flatMap(([, name = ""], index) => (known[index] === undefined ? [name] : [])),
    ...used.flatMap(([, name = "", matchers = ""], index) =>
      [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
        .map(([, label = ""]) => label)
        .filter((label) => !scraped.has(label) && known[index]?.labels.includes(label) !== true)
        .map((label) => `${name}{${label}}`),
    ),
    ...[...bare.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)]
      .flatMap(([, list = ""]) => list.split(",").map((label) => label.trim()))
      .filter((label) => !scraped.has(label) && !labels.has(label)),
    ...(used.length === 0 ? [`no metric in ${expr}`] : []),
  ];
}

test("the check of names finds what does not exist", () => {
  expect(findUnknown("rate(sagewatch_records_red_total[5m])")).toEqual(["sagewatch_records_red_total"]);
  expect(findUnknown('sum by (le, zone) (rate(sagewatch_commit_seconds_bucket{sink="x"}[5m]))')).toEqual([
    "sagewatch_commit_seconds_bucket{sink}",
    "zone",
  ]);
  expect(findUnknown("sum by (le) (rate(sagewatch_commit_seconds_bucket[5m]))")).toEqual([]);
  expect(findUnknown("sagewatch_commits_total_bucket")).toEqual(["sagewatch_commits_total_bucket"]);
});

describe("the dashboard", () => {
  test("is one that Grafana loads: identity, schema, time, variables", () => {
    expect(dashboard).toMatchObject({
      title: "Sagewatch",
      uid: "sagewatch",
      time: { from: expect.any(String), to: "now" },
    });
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ["datasource", "datasource"],
      ["instance", "query"],
    ]);
  });

  test("fits the schema of Grafana's dashboards, which refuses what is misspelt, missing or out of range", () => {
    const schema = readFileSync(join(root, "test/fixtures/deploy/grafana-dashboard.schema.json"), "utf8");
    const check = new Ajv2020({ allErrors: true, strict: false }).compile(JSON.parse(schema) as object);
    check(dashboard);
    expect(check.errors ?? []).toEqual([]);
    const [panel] = shown;
    for (const broken of [
      { ...dashboard, templates: dashboard.templating },
      { ...dashboard, schemaVersion: 12 },
      { ...dashboard, panels: [{ ...panel, type: "graph" }] },
      { ...dashboard, panels: [{ ...panel, target: panel?.targets }] },
      { ...dashboard, panels: [{ ...panel, gridPos: { x: 0, y: 0, w: 25, h: 4 } }] },
      { ...dashboard, panels: [{ ...panel, options: { ...panel?.options, colorMode: "red" } }] },
    ])
      expect(check(broken)).toBe(false);
  });

  test("has the six questions as rows", () => {
    expect(dashboard.panels.filter(({ type }) => type === "row").map(({ title }) => title)).toEqual([
      "Is it healthy?",
      "Is it seeing everything?",
      "Is it fast?",
      "Alerts",
      "Sinks",
      "Memory and store",
    ]);
  });

  test("panels have ids of their own and lie beside each other, inside 24 columns", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Map<string, number>();
    for (const { id, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect([x >= 0, y >= 0, w > 0, h > 0, x + w <= 24]).toEqual([true, true, true, true, true]);
      for (let column = x; column < x + w; column += 1)
        for (let line = y; line < y + h; line += 1) {
          expect([id, taken.get(`${column} ${line}`)]).toEqual([id, undefined]);
          taken.set(`${column} ${line}`, id);
        }
    }
  });

  test.each(shown.map((panel) => [panel.title, panel] as const))(
    "%s: described, with unit, thresholds and targets",
    (_title, panel) => {
      expect(["timeseries", "stat", "table"]).toContain(panel.type);
      expect(panel.description?.length).toBeGreaterThan(20);
      expect(panel.datasource).toEqual({ type: "prometheus", uid: "${datasource}" });
      expect(["short", "s", "bytes", "Bps", "reqps", "ops", "percentunit"]).toContain(panel.fieldConfig?.defaults.unit);
      const { mode, steps } = panel.fieldConfig!.defaults.thresholds;
      expect([mode, steps[0]?.value]).toEqual(["absolute", null]);
      expect(panel.options).toBeTypeOf("object");
      const refs = panel.targets!.map(({ refId }) => refId);
      expect([refs.length > 0, new Set(refs).size]).toEqual([true, refs.length]);
      for (const { expr, datasource } of panel.targets!) {
        expect(findUnknown(expr)).toEqual([]);
        expect(datasource).toEqual(panel.datasource);
        expect(expr).toContain("$instance");
      }
    },
  );

  test("titles are told apart, and every metric is on it but those that only others need", () => {
    const titles = shown.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    const text = shown.flatMap(({ targets }) => targets!.map(({ expr }) => expr)).join("\n");
    const unseen = METRICS.filter(({ name }) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(text)).map(
      ({ name }) => name,
    );
    expect(unseen.toSorted((left, right) => left.localeCompare(right))).toEqual([
      "sagewatch_commands_total",
      "sagewatch_epoch",
      "sagewatch_matches_total",
      "sagewatch_rule_warnings_total",
      "sagewatch_rules_reload_pause_seconds",
      "sagewatch_sink_down_seconds",
      "sagewatch_sums_negative_total",
      "sagewatch_telemetry_failures_total",
    ]);
  });
});

describe("alerting rules", () => {
  const runbook = readFileSync(join(root, "docs/runbook.md"), "utf8");
  const anchors = new Set(
    [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );

  test("cover not ready, lag, a dead sink, quarantine, memory and a missing heartbeat, each under a name of its own", () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    const needed = ["HeartbeatMissing", "NotReady", "Lag", "SinkDead", "QuarantineRising", "MemoryPressure"];
    expect(names).toEqual(expect.arrayContaining(needed.map((name) => `Sagewatch${name}`)));
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    "%s asks for what exists and leads to its heading",
    (_name, rule) => {
      expect(findUnknown(rule.expr)).toEqual([]);
      expect(rule.for ?? "0m").toMatch(/^\d+m$/);
      expect(["critical", "high", "medium"]).toContain(rule.labels["severity"]);
      expect(
        [rule.annotations["summary"]?.length, rule.annotations["description"]?.length].every((length) => length! > 10),
      ).toBe(true);
      const [page, anchor] = rule.annotations["runbook_url"]!.split("#");
      expect(page).toBe("docs/runbook.md");
      expect([...anchors]).toContain(anchor);
    },
  );
});
