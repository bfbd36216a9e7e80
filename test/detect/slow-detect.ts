/**
 * A second detector, slow and plain, that judges the first: it sorts all matches, tries the condition at every event or
 * over every bucket by its definition, and unites windows event by event. It shares no code with src/detect; ids are hashed
 * and sums added up here anew. It is meant for streams of up to a few hundred matches.
 *
 * Correlations must stand behind those they refer to. What a correlation hands to another is an event like any other, with
 * the records of its window behind it.
 */
import { createHash } from "node:crypto";
import type { Match } from "../../src/contracts.ts";
import type { Correlation, StepCondition } from "../../src/sigma/ast.ts";

/** What both detectors must agree on. */
export type Verdict = {
  id: string;
  ruleId: string;
  eventCount: number;
  eventIds: string[];
  firstEventTime: string;
  lastEventTime: string;
  evidence: string[];
  negative?: true;
};

/** A record, or an alert of another correlation at a time at which that holds. */
type Item = Pick<Match, "timeMs" | "key" | "recordHash" | "eventId" | "step" | "version" | "value" | "number"> & {
  readonly behind: readonly Source[];
};
/** A record behind an alert, and whether its evidence was kept. */
type Source = { readonly match: Match; readonly isKept: boolean };
type Handed = {
  readonly ruleId: string;
  readonly group: string;
  readonly item: Omit<Item, "step" | "value" | "number">;
  readonly aggregate: number;
};
type Judged = {
  readonly id: string;
  readonly covered: readonly Item[];
  readonly handed: readonly Handed[];
  readonly negative: boolean;
};

/** The alerts of `rules` over all of `matches`, by id, as from sorted input. */
export function slowDetect(rules: readonly Correlation[], matches: readonly Match[]): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const handed: Handed[] = [];
  for (const rule of rules) {
    for (const [group, items] of toGroups(rule, matches, { rules, handed })) {
      for (const judged of rule.judged === "final"
        ? judgeBuckets(rule, group, items)
        : judgeWindows(rule, group, items)) {
        handed.push(...judged.handed);
        if (rule.alerts) verdicts.set(judged.id, toVerdict(rule, judged));
      }
    }
  }
  return verdicts;
}

/** The alerts of single-event rules: of several records under one key the highest version, then the first by order. */
export function slowSingles(matches: readonly Match[]): Map<string, { eventId: string; time: string }> {
  const singles = new Map<string, Match>();
  for (const match of matches.filter((entry) => entry.step === -1)) {
    const id = sha(`${match.ruleId}\u241f${match.ruleSem}\u241f${ascii([match.kind, match.key])}`);
    const before = singles.get(id);
    if (
      before === undefined ||
      match.version > before.version ||
      (match.version === before.version && order(match, before) < 0)
    )
      singles.set(id, match);
  }
  return new Map([...singles].map(([id, match]) => [id, { eventId: match.eventId, time: utc(match.timeMs) }]));
}

/** All that a rule has to judge, by group: its matches, and what the correlations below it handed on. */
function toGroups(
  rule: Correlation,
  matches: readonly Match[],
  from: { rules: readonly Correlation[]; handed: readonly Handed[] },
): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  const add = (group: string, items: readonly Item[]): void => {
    groups.set(group, [...(groups.get(group) ?? []), ...items].toSorted(order));
  };
  const mine = matches.filter((match) => match.ruleId === rule.id);
  for (const group of new Set(mine.map((match) => match.group))) {
    const set = [...new Map(mine.filter((m) => m.group === group).map((m) => [`${text(m)} ${m.step}`, m])).values()];
    const kept = keptOf(set);
    add(
      group,
      set.map((match) => ({ ...match, behind: [{ match, isKept: kept.has(text(match)) }] })),
    );
  }
  for (const [step, id] of rule.rules.entries()) {
    const child = from.rules.find((other) => other.id === id);
    if (child === undefined) continue;
    const field = (name: string): string => rule.aliases[name]?.[id] ?? name;
    for (const { group, item, aggregate } of from.handed.filter((entry) => entry.ruleId === id)) {
      const values = JSON.parse(group) as string[];
      const read = (name: string): string => values[child.groupBy.indexOf(field(name))] ?? "";
      const measured = rule.fields.map((name) => (field(name) === "state.aggregate" ? `${aggregate}` : read(name)));
      const value = rule.fields.length === 0 ? null : measured.length === 1 ? (measured[0] ?? "") : ascii(measured);
      const isText = value === null || rule.kind === "value_count" || rule.kind === "event_count";
      const number = isText || (rule.kind === "value_percentile" && rule.percentile === null) ? null : Number(value);
      if (!Number.isNaN(number)) add(ascii(rule.groupBy.map(read)), [{ ...item, step, value, number }]);
    }
  }
  return groups;
}

/** Evidence is kept of the first 20 events of each five minutes of a group, of each in the form with the lowest hash. */
function keptOf(group: readonly Match[]): Set<string> {
  const slices = Map.groupBy(group.toSorted(order), (match) => Math.floor(match.timeMs / 300_000));
  const toForms = (slice: readonly Match[]): string[] => {
    const first = new Map<string, string>();
    for (const match of slice) {
      const event = `${match.timeMs} ${match.key}`;
      if (!first.has(event)) first.set(event, text(match));
    }
    return [...first.values()].slice(0, 20);
  };
  return new Set([...slices.values()].flatMap(toForms));
}

/** Conditions that hold at events: every window [t − W, t] is tried. */
function judgeWindows(rule: Correlation, group: string, items: readonly Item[]): Judged[] {
  const buckets = new Map<number, { t: number; aggregate: number; window: Item[] }[]>();
  for (const t of new Set(items.map((item) => item.timeMs))) {
    const window = items.filter((item) => item.timeMs >= t - rule.timespanMs && item.timeMs <= t);
    const aggregate = rule.kind === "temporal_ordered" ? longestChain(rule, window, t) : measureWindow(rule, window);
    if ((rule.kind === "temporal_ordered" && aggregate === 0) || !holds(rule, aggregate, window)) continue;
    const bucket = Math.floor(t / rule.bucketMs);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), { t, aggregate, window }]);
  }
  return [...buckets].map(([bucket, holding]) => {
    const id = idOf(rule, group, bucket);
    const [fromMs, toMs] = [bucket * rule.bucketMs - rule.timespanMs, (bucket + 1) * rule.bucketMs];
    return {
      id,
      covered: [...new Set(holding.flatMap(({ window }) => window))],
      handed: holding.map(({ t, aggregate, window }) => hand({ rule, group, id }, { t, aggregate, items: window })),
      negative:
        rule.kind === "value_sum" &&
        items.some((item) => (item.number ?? 0) < 0 && item.timeMs >= fromMs && item.timeMs < toMs),
    };
  });
}

/** Conditions that are judged over the whole of [b·B, (b + 1)·B). */
function judgeBuckets(rule: Correlation, group: string, items: readonly Item[]): Judged[] {
  return [...new Set(items.map((item) => Math.floor(item.timeMs / rule.bucketMs)))].flatMap((bucket) => {
    const inside = items.filter((item) => Math.floor(item.timeMs / rule.bucketMs) === bucket);
    const counted = distinct(inside);
    const id = idOf(rule, group, bucket);
    const last = (of: readonly Item[]): number => Math.max(...of.map((item) => item.timeMs));
    if (rule.kind === "value_percentile" && rule.percentile === null) {
      const share = (value: string | null): number =>
        (100 * counted.filter((item) => item.value === value).length) / counted.length;
      const covered = counted.filter((item) => holds(rule, share(item.value)));
      if (covered.length === 0) return [];
      const aggregate = Math.max(...covered.map((item) => share(item.value)));
      return [
        {
          id,
          covered,
          negative: false,
          handed: [hand({ rule, group, id }, { t: last(covered), aggregate, items: covered })],
        },
      ];
    }
    const highest = inside.filter((item) => item.version === counted.find(({ key }) => key === item.key)?.version);
    const chains = [...new Set(highest.map((item) => item.timeMs))].map((t) => ({
      t,
      length: longestChain(rule, highest, t),
    }));
    const isOrdered = rule.kind === "temporal_ordered";
    const best = chains.toSorted((a, b) => b.length - a.length || a.t - b.t)[0];
    const aggregate = isOrdered ? (best?.length ?? 0) : measureBucket(rule, { counted, highest });
    if (!holds(rule, aggregate, highest)) return [];
    const t = isOrdered ? (best?.t ?? 0) : last(inside);
    return [
      { id, covered: inside, negative: false, handed: [hand({ rule, group, id }, { t, aggregate, items: inside })] },
    ];
  });
}

function hand(
  of: { rule: Correlation; group: string; id: string },
  at: { t: number; aggregate: number; items: readonly Item[] },
): Handed {
  const { rule, group, id } = of;
  const behind = [...new Set(at.items.flatMap((item) => item.behind))];
  const item = { timeMs: at.t, key: id, recordHash: id, eventId: id, version: 0, behind };
  return { ruleId: rule.id, group, item, aggregate: at.aggregate };
}

/** Of each event the highest version; of its records the largest number, then the first. */
function distinct(items: readonly Item[]): Item[] {
  return [...new Set(items.map((item) => item.key))].map((key) => {
    const records = items.filter((item) => item.key === key);
    const highest = records.filter((item) => item.version === Math.max(...records.map(({ version }) => version)));
    const number = Math.max(...highest.map((item) => item.number ?? -Infinity));
    return highest.filter((item) => (item.number ?? -Infinity) === number).toSorted(order)[0] as Item;
  });
}

function measureWindow(rule: Correlation, window: readonly Item[]): number {
  if (rule.kind === "value_count") return new Set(window.map((item) => item.value)).size;
  if (rule.kind === "temporal") return new Set(window.map((item) => item.step)).size;
  const keys = new Set(window.map((item) => item.key));
  if (rule.kind === "event_count") return keys.size;
  return sum([...keys].map((key) => Math.max(...window.filter((i) => i.key === key).map((i) => i.number ?? 0))));
}

function measureBucket(rule: Correlation, of: { counted: readonly Item[]; highest: readonly Item[] }): number {
  const numbers = of.counted.map((item) => item.number ?? 0).toSorted((a, b) => a - b);
  if (rule.kind === "event_count") return of.counted.length;
  if (rule.kind === "value_count") return new Set(of.counted.map((item) => item.value)).size;
  if (rule.kind === "temporal") return new Set(of.highest.map((item) => item.step)).size;
  if (rule.kind === "value_sum") return sum(numbers);
  if (rule.kind === "value_avg") return sum(numbers, numbers.length);
  // the place among the numbers, counted from 0, lies at (n − 1) · p.
  const place = ((numbers.length - 1) * (rule.kind === "value_median" ? 50 : (rule.percentile ?? 0))) / 100;
  const [low = 0, high = low] = numbers.slice(Math.floor(place));
  return low === high ? low : low + (place - Math.floor(place)) * (high - low);
}

/** Whole sixty-fourths of 2^-60 add up exactly; numbers of these tests need no finer ones. */
function sum(numbers: readonly number[], divisor = 1): number {
  const total = numbers.reduce((before, number) => before + BigInt(number * 2 ** 60), 0n);
  return divisor === 1 ? Number(total) / 2 ** 60 : Number((total << 80n) / BigInt(divisor)) / 2 ** 140;
}

/** A text condition: by the definition of its words. */
function holdsSteps(condition: StepCondition, steps: ReadonlySet<number>): boolean {
  if (condition.op === "step") return steps.has(condition.step);
  if (condition.op === "not") return !holdsSteps(condition.of, steps);
  const holding = condition.of.filter((operand) => holdsSteps(operand, steps)).length;
  return condition.op === "and" ? holding === condition.of.length : holding > 0;
}

function holds(rule: Correlation, number: number, items: readonly Item[] = []): boolean {
  if (rule.condition !== undefined) return holdsSteps(rule.condition, new Set(items.map((item) => item.step)));
  if (rule.bounds.length === 0) return number === rule.rules.length;
  return rule.bounds.every(({ operator, value }) => {
    if (operator === "gt") return number > value;
    if (operator === "gte") return number >= value;
    if (operator === "lt") return number < value;
    if (operator === "lte") return number <= value;
    return operator === "eq" ? number === value : number !== value;
  });
}

/** Tries every choice: the last event at time t, each earlier one of an earlier step and not after it, no event twice. */
function longestChain(rule: Correlation, window: readonly Item[], t: number): number {
  if (rule.kind !== "temporal_ordered") return 0;
  const before = (step: number, latestMs: number, used: ReadonlySet<string>): number =>
    window
      .filter((item) => item.step < step && item.timeMs <= latestMs && !used.has(item.key))
      .reduce((best, item) => Math.max(best, 1 + before(item.step, item.timeMs, new Set([...used, item.key]))), 0);
  const ends = window.filter((item) => item.timeMs === t);
  return ends.reduce((best, end) => Math.max(best, 1 + before(end.step, t, new Set([end.key]))), 0);
}

function toVerdict(rule: Correlation, { id, covered, negative }: Judged): Verdict {
  const behind = covered.flatMap((item) => item.behind);
  const sorted = behind.map(({ match }) => match).toSorted(order);
  const kept = behind.filter(({ isKept: is }) => is).map(({ match }) => match);
  return {
    id,
    ruleId: rule.id,
    eventCount: new Set(sorted.map((event) => event.key)).size,
    eventIds: [...new Set(sorted.map((event) => event.eventId))].slice(0, 100),
    firstEventTime: utc(sorted[0]?.timeMs ?? 0),
    lastEventTime: utc(sorted.at(-1)?.timeMs ?? 0),
    evidence: [...new Map(kept.toSorted(order).map((event) => [text(event), event.eventId])).values()].slice(0, 20),
    ...(negative ? { negative: true as const } : {}),
  };
}

function idOf(rule: Correlation, group: string, bucket: number): string {
  return sha(`${rule.id}\u241f${rule.ruleSem}\u241f${group}\u241f${bucket}`);
}

function text(match: Pick<Match, "timeMs" | "key" | "recordHash">): string {
  return `${match.timeMs} ${match.key} ${match.recordHash}`;
}

type Ordered = Pick<Match, "timeMs" | "key" | "recordHash" | "step">;
function order(a: Ordered, b: Ordered): number {
  return a.timeMs - b.timeMs || compare(a.key, b.key) || compare(a.recordHash, b.recordHash) || a.step - b.step;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha(content: string): string {
  return createHash("sha256").update(content, "utf8").digest("hex");
}

function ascii(values: readonly string[]): string {
  return JSON.stringify(values).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function utc(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
