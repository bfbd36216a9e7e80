/**
 * What must come out of a run whose rules change on the way, worked out slowly from what happened in which order.
 *
 * As documented: a match counts for the rules in use when its record was read. Members stay by state key, whatever else
 * changes, until no open bucket of a rule in use can need them; those of a rule that is gone stay as they are. From its
 * activation on a set judges every bucket that is open then, over all members that are there; what an earlier set said of
 * a bucket stands where the later one says nothing. Shares no code with src/detect or the reload.
 */
import type { Match } from "../../src/contracts.ts";
import type { Correlation, RuleSet } from "../../src/sigma/ast.ts";
import type { ListTable } from "../../src/sigma/compile.ts";
import { judgeSingles, toMatches, windowsOf } from "../chaos/judge.ts";
import { slowDetect, type Verdict } from "../detect/slow-detect.ts";

/** A rule set in use, with its lists. */
export type Active = { readonly ruleSet: RuleSet; readonly lists: ListTable };

/** What happened, in order: records taken in, how far the input is complete after a commit, rules exchanged. */
export type Happening =
  | { readonly type: "records"; readonly records: readonly Uint8Array[] }
  | { readonly type: "committed"; readonly watermarkMs: number }
  | { readonly type: "activated"; readonly rules: Active };

const SLICE_MS = 300_000;

type Members = Map<string, Map<string, Match>>;

/** The alerts at the end, by id. */
export function judgeRun(first: Active, happenings: readonly Happening[]): Map<string, Verdict> {
  const members: Members = new Map();
  const singles: { ruleSet: RuleSet; matches: Match[] }[] = [{ ruleSet: first.ruleSet, matches: [] }];
  const alerts = new Map<string, Verdict>();
  let rules = first;
  let forgotten: Forgotten = new Map();
  let [activatedMs, watermarkMs] = [-Infinity, -Infinity];
  const conclude = (): void => {
    for (const rule of windowsOf(rules.ruleSet))
      for (const [id, verdict] of judgeOpen(rule, [...(members.get(rule.stateKey)?.values() ?? [])], {
        sinceMs: activatedMs,
        untilMs: watermarkMs,
      }))
        alerts.set(id, verdict);
  };
  for (const happening of happenings) {
    if (happening.type === "committed") watermarkMs = happening.watermarkMs;
    else if (happening.type === "activated") {
      conclude();
      forgotten = moveOn(forgotten, rules.ruleSet, { fromMs: activatedMs, toMs: watermarkMs });
      forget(members, rules.ruleSet, forgotten);
      forgotten = handOn(forgotten, { from: rules.ruleSet, to: happening.rules.ruleSet, atMs: watermarkMs });
      forget(members, happening.rules.ruleSet, forgotten);
      rules = happening.rules;
      activatedMs = watermarkMs;
      singles.push({ ruleSet: rules.ruleSet, matches: [] });
    } else {
      const matches = toMatches(rules, happening.records, "cloudtrail");
      singles.at(-1)?.matches.push(...matches);
      for (const match of matches) keep(members, rules.ruleSet, match);
    }
  }
  conclude();
  for (const { ruleSet, matches } of singles)
    for (const [id, verdict] of judgeSingles(ruleSet, matches)) alerts.set(id, verdict);
  return alerts;
}

function keep(members: Members, ruleSet: RuleSet, match: Match): void {
  const rule = windowsOf(ruleSet).find(({ id }) => id === match.ruleId);
  if (rule === undefined) return;
  const held = members.get(rule.stateKey) ?? new Map<string, Match>();
  members.set(rule.stateKey, held);
  held.set(`${match.group} ${match.step} ${match.key} ${match.recordHash}`, match);
}

/** The alerts of the buckets that end after `sinceMs`; where more events make a condition untrue, by `untilMs` too. */
function judgeOpen(
  rule: Correlation,
  matches: readonly Match[],
  { sinceMs, untilMs }: { sinceMs: number; untilMs: number },
): [string, Verdict][] {
  const { bucketMs, timespanMs } = rule;
  const firstBucketMs = sinceMs === -Infinity ? -Infinity : Math.floor(sinceMs / bucketMs) * bucketMs;
  // Whole slices, for evidence is chosen by slice.
  const fromMs = Math.floor((firstBucketMs - timespanMs) / SLICE_MS) * SLICE_MS;
  const needed = matches.filter(({ timeMs }) => !(timeMs < fromMs)).map((match) => ({ ...match, ruleId: rule.id }));
  const open = new Map<string, Verdict>();
  for (const [id, verdict] of slowDetect([rule], needed)) {
    // A window of an earlier bucket may be judged here without all of its members: it is closed.
    const lastMs = Date.parse(verdict.lastEventTime);
    const isOver = (Math.floor(lastMs / bucketMs) + 1) * bucketMs <= untilMs;
    if (lastMs >= firstBucketMs && (rule.judged === "eager" || isOver)) open.set(id, verdict);
  }
  return [...open];
}

/** By rule in use: the first slice that it has not forgotten. */
type Forgotten = ReadonlyMap<string, number>;

/** Whenever a bucket of any rule ends, every rule forgets what it needs no more; not in between. */
function moveOn(forgotten: Forgotten, ruleSet: RuleSet, { fromMs, toMs }: { fromMs: number; toMs: number }): Forgotten {
  const rules = windowsOf(ruleSet);
  const isOver = rules.some(({ bucketMs }) => Math.floor(toMs / bucketMs) > Math.floor(fromMs / bucketMs));
  if (!isOver) return forgotten;
  return new Map(
    rules.map((rule) => [rule.id, Math.max(forgotten.get(rule.id) ?? -Infinity, firstNeeded(rule, toMs))]),
  );
}

/**
 * The first slice that a rule needs. Eager windows look back from any moment of an open bucket; what is judged at a bucket's
 * end is judged by the bucket's own members.
 */
function firstNeeded({ bucketMs, timespanMs, judged }: Correlation, nowMs: number): number {
  const startMs = Math.floor(nowMs / bucketMs) * bucketMs;
  return Math.floor((judged === "final" ? startMs : startMs - timespanMs) / SLICE_MS);
}

/** What rules of one state key share goes when the last of them has forgotten it. */
function forget(members: Members, ruleSet: RuleSet, forgotten: Forgotten): void {
  for (const [stateKey, rules] of Map.groupBy(windowsOf(ruleSet), (rule) => rule.stateKey)) {
    const firstSlice = leastOf(rules, forgotten);
    const held = members.get(stateKey);
    for (const [key, { timeMs }] of held ?? []) if (Math.floor(timeMs / SLICE_MS) < firstSlice) held?.delete(key);
  }
}

/**
 * A rule that is as it was goes on with what it has; any other is given what the rules of its state key have among them. What
 * it does not need at that moment goes at once, as at a restart.
 */
function handOn(forgotten: Forgotten, of: { from: RuleSet; to: RuleSet; atMs: number }): Forgotten {
  const before = windowsOf(of.from);
  return new Map(
    windowsOf(of.to).map((rule) => {
      const isSame = before.some((old) => old.id === rule.id && JSON.stringify(old) === JSON.stringify(rule));
      const akin = before.filter(({ stateKey }) => stateKey === rule.stateKey);
      const handed = isSame ? (forgotten.get(rule.id) ?? -Infinity) : leastOf(akin, forgotten);
      return [rule.id, Math.max(handed, firstNeeded(rule, of.atMs))];
    }),
  );
}

/** −Infinity of no rule: the store has what there was. */
function leastOf(rules: readonly Correlation[], forgotten: Forgotten): number {
  return rules.length === 0 ? -Infinity : Math.min(...rules.map(({ id }) => forgotten.get(id) ?? -Infinity));
}
