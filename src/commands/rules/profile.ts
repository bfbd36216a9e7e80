/**
 * `rules profile`: what each detection costs on given records, how often it is tried and matches, and which are open.
 *
 * Every record is measured, where a daemon measures one in 64; what the clock itself takes is taken off. A condition that
 * rules share is paid for by the first of them, as in life. Figures are of this machine and these records: compare within
 * one table only. No state is touched.
 */
import { openLists } from "../../compose/own/needs.ts";
import { openRules, toFields } from "../../compose/rules.ts";
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { systemClock } from "../../lib/clock.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { fitColumns, formatRow, textWidth } from "../../lib/text-table.ts";
import { SagewatchError } from "../../model/errors.ts";
import type { Event } from "../../model/event.ts";
import { toCount } from "../../ops/summary.ts";
import { print, remark, type Terminal, widthOf } from "../../ops/terminal.ts";
import { type CompiledRules, compileRules } from "../../sigma/compile.ts";
import { readEvents } from "./events.ts";

export type ProfileRules = {
  readonly paths: readonly string[];
  readonly rules?: readonly string[];
  readonly config?: string;
  readonly format: "table" | "ndjson";
};

/** One detection's figures. `share` is of the time of all detections, 0 to 1; `tried` counts records. */
type RuleProfile = {
  readonly ruleId: string;
  readonly title: string;
  readonly nsPerRecord: number;
  readonly share: number;
  readonly tried: number;
  readonly matches: number;
  readonly isOpen: boolean;
};

/** Rules without a witness that the closing remark names; the table marks all of them. */
const OPEN_NAMED = 5;

/** Profiles the configured rules, or those of `rules`. Errors: config_*, rules_rejected, not_found, input_unreadable. */
export async function profileRules(options: ProfileRules, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const { ruleSet } = openRules(config, options.rules ?? null, () => undefined);
  const compiled = compileRules(ruleSet, {
    lists: openLists(config),
    fields: toFields(config),
    monotonicMs: () => systemClock.monotonicMs(),
    measureEvery: 1,
  });
  const count = createCounts(compiled);
  let rejected = 0;
  const onRejected = (): void => void (rejected += 1);
  const read = { paths: options.paths, limits: config.limits, signal: terminal.signal, onRejected };
  for await (const { event } of readEvents(read)) count.take(event);
  if (count.records() === 0)
    throw new SagewatchError("not_found", `${options.paths.join(", ")} holds no record that can be evaluated`);
  const profiles = count.profiles();
  if (options.format === "ndjson")
    await print(terminal, profiles.map((profile) => `${safeJson(JSON.stringify(profile))}\n`).join(""));
  else await print(terminal, renderTable(profiles, widthOf(terminal.stdout)));
  const open = profiles.filter(({ isOpen }) => isOpen).map(({ title }) => safeLine(title));
  const named = open.slice(0, OPEN_NAMED).join(", ");
  const more = open.length > OPEN_NAMED ? `, and ${open.length - OPEN_NAMED} more` : "";
  const total = profiles.reduce((sum, { nsPerRecord }) => sum + nsPerRecord, 0);
  const counted = `${toCount(count.records())} records, ${Math.round(total)} ns a record in ${profiles.length} rules`;
  const tried = open.length === 0 ? "each has a witness" : `${open.length} without a witness: ${named}${more}`;
  const lost = rejected > 0 ? `; ${toCount(rejected)} records could not be evaluated` : "";
  remark(terminal, `${counted}; ${tried}${lost}.`);
  return 0;
}

/** Counts what the rules do on event after event. */
function createCounts(compiled: CompiledRules): {
  take(event: Event): void;
  records(): number;
  profiles(): readonly RuleProfile[];
} {
  const tried = new Uint32Array(compiled.detections.length);
  const matches = new Uint32Array(compiled.detections.length);
  let records = 0;
  return {
    take: (event) => {
      records += 1;
      for (const rule of compiled.evaluate(event)) matches[rule] = (matches[rule] ?? 0) + 1;
      for (const rule of compiled.candidates(event)) tried[rule] = (tried[rule] ?? 0) + 1;
    },
    records: () => records,
    profiles: () => {
      const clockMs = measureClock();
      const open = new Set(compiled.openRules);
      const spentMs = new Map(
        compiled.costs().map((cost) => [cost.ruleId, Math.max(0, cost.totalMs - cost.evaluations * clockMs)]),
      );
      const allMs = [...spentMs.values()].reduce((sum, ms) => sum + ms, 0);
      const made = compiled.detections.map(({ id, title }, rule) => ({
        ruleId: id,
        title,
        nsPerRecord: ((spentMs.get(id) ?? 0) * 1e6) / Math.max(1, records),
        share: allMs > 0 ? (spentMs.get(id) ?? 0) / allMs : 0,
        tried: tried[rule] ?? 0,
        matches: matches[rule] ?? 0,
        isOpen: open.has(id),
      }));
      return made.toSorted((left, right) => right.nsPerRecord - left.nsPerRecord || right.tried - left.tried);
    },
  };
}

const CLOCK_READS = 10_000;

/** What one measurement adds of its own, ms. */
function measureClock(): number {
  let sumMs = 0;
  for (let read = 0; read < CLOCK_READS; read += 1) {
    const begunMs = systemClock.monotonicMs();
    sumMs += systemClock.monotonicMs() - begunMs;
  }
  return sumMs / CLOCK_READS;
}

const TITLES = ["NS/RECORD", "SHARE", "TRIED", "MATCHES", "WITNESS", "TITLE", "ID"] as const;
const FLOORS: Readonly<Record<string, number>> = { TITLE: 24, ID: 8 };

function renderTable(profiles: readonly RuleProfile[], width: number): string {
  const cells = profiles.map((profile) => [
    profile.nsPerRecord.toFixed(1).padStart(9),
    `${(profile.share * 100).toFixed(1)} %`.padStart(7),
    toCount(profile.tried).padStart(5),
    toCount(profile.matches).padStart(7),
    profile.isOpen ? "open" : "yes",
    safeLine(profile.title),
    safeLine(profile.ruleId),
  ]);
  const columns = TITLES.map((title, index) => {
    const want = Math.max(textWidth(title), ...cells.map((line) => textWidth(line[index] ?? "")));
    return { title, want, floor: FLOORS[title] ?? want };
  });
  const widths = fitColumns(columns, width);
  return [TITLES, ...cells].map((line) => `${formatRow(line, widths, width)}\n`).join("");
}
