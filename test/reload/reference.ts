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
      forget(members, rules.ruleSet, { fromMs: activatedMs, toMs: watermarkMs });
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

/** Forgets, for each state key in use, the slices into which no open bucket of its rules looks back. */
function forget(members: Members, ruleSet: RuleSet, { fromMs, toMs }: { fromMs: number; toMs: number }): void {
  const byKey = Map.groupBy(windowsOf(ruleSet), ({ stateKey }) => stateKey);
  for (const [stateKey, rules] of byKey) {
    const firstSlice = Math.min(...rules.map((rule) => firstKept(rule, { fromMs, toMs })));
    const held = members.get(stateKey);
    for (const [key, { timeMs }] of held ?? []) if (Math.floor(timeMs / SLICE_MS) < firstSlice) held?.delete(key);
  }
}

/** The first slice that a rule still needs; it forgets when a bucket ends, not before. */
function firstKept({ bucketMs, timespanMs }: Correlation, { fromMs, toMs }: { fromMs: number; toMs: number }): number {
  if (toMs === -Infinity) return -Infinity;
  const [began, now] = [fromMs, toMs].map((timeMs) => Math.floor(timeMs / bucketMs)) as [number, number];
  return now > began ? Math.floor((now * bucketMs - timespanMs) / SLICE_MS) : -Infinity;
}
