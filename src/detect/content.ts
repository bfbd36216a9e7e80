/**
 * The content of alerts: from a match (one event) or from a group's coverage of a bucket (a window).
 *
 * Content depends on the set of events only, never on their order of arrival, on time of day or on chance (C5); lists
 * that are cut keep the first by (event time, key, record hash).
 */
import type { EvidenceDelta, Match, Member } from "../contracts.ts";
import { toUtcText } from "../lib/clock.ts";
import {
  type AlertContent,
  type AlertEvidence,
  EVENT_IDS_MAX,
  EVIDENCE_MAX,
  fromGroupKey,
  toBucketAlertId,
  toEventAlertId,
} from "../model/alert.ts";
import type { Evidence } from "../model/event.ts";
import type { Correlation, DetectionRule, RuleHead } from "../sigma/ast.ts";
import { findChain, findSet } from "./condition.ts";
import { countEchoes, type Group, lowerBound, toIdentity, upperBound } from "./group.ts";
import type { Interval } from "./interval.ts";
import { whyCounted, whyOrdered, whySingle, whyTogether } from "./why.ts";

/** Account id → name, from the configuration. */
export type AccountNames = ReadonlyMap<string, string>;

/** Content of the alert of one event. */
export function toEventContent(
  rule: DetectionRule,
  match: Match,
  options: { names: AccountNames; late: boolean },
): AlertContent {
  const time = toUtcText(match.timeMs);
  const accountName = options.names.get(match.accountId) ?? "";
  return {
    id: toEventAlertId(rule, match.kind, match.key),
    ruleId: rule.id,
    ruleName: rule.title,
    title: toTitle(rule.title, match, accountName),
    severity: rule.level,
    accountId: match.accountId,
    accountName,
    region: match.region,
    principal: match.principal,
    firstEventTime: time,
    lastEventTime: time,
    eventIds: [match.eventId],
    eventCount: 1,
    ...toTechniques(rule),
    why: whySingle(match.evidence, time),
    group: {},
    evidence: [toAlertEvidence(match.timeMs, match.eventId, match.evidence)],
    ...(options.late ? { late: true as const } : {}),
  };
}

/** Content of the alert of a group in a bucket, and the evidence it shows. `intervals` is the bucket's coverage, not empty. */
export function toBucketContent(
  rule: Correlation,
  group: Group,
  options: { bucket: number; intervals: readonly Interval[]; names: AccountNames },
): { content: AlertContent; shown: readonly EvidenceDelta[] } {
  const runs = options.intervals.map(({ fromMs, toMs }) => ({
    fromMs,
    toMs,
    from: lowerBound(group.members, fromMs),
    to: upperBound(group.members, toMs),
  }));
  const first = group.members[runs[0]?.from ?? 0] as Member;
  const last = group.members[(runs.at(-1)?.to ?? 1) - 1] as Member;
  const shown = findEvidence(group, options.intervals);
  const eventCount = countEvents(group, runs);
  const values = fromGroupKey(group.key);
  const accountName = options.names.get(first.accountId) ?? "";
  const content: AlertContent = {
    id: toBucketAlertId(rule, group.key, options.bucket),
    ruleId: rule.id,
    ruleName: rule.title,
    title: rule.groupBy.some(namesPrincipal) ? toTitle(rule.title, first, accountName) : toGroupTitle(rule, values),
    severity: rule.level,
    accountId: first.accountId,
    accountName,
    region: first.region,
    principal: first.principal,
    firstEventTime: toUtcText(first.timeMs),
    lastEventTime: toUtcText(last.timeMs),
    eventIds: firstEventIds(group, runs),
    eventCount,
    ...toTechniques(rule),
    why: toWhy(rule, group, {
      eventCount,
      shown,
      runs,
      spanMs: last.timeMs - first.timeMs,
      endMs: options.intervals.at(-1)?.toMs ?? 0,
    }),
    group: Object.fromEntries(rule.groupBy.map((field, i) => [field, values[i] ?? ""])),
    evidence: shown.map((entry) => toAlertEvidence(entry.timeMs, eventIdOf(group, entry), entry.evidence)),
  };
  return { content, shown };
}

/** Indexes of the members in a closed time range, `to` excluded. */
type Run = Interval & { readonly from: number; readonly to: number };

function toWhy(
  rule: Correlation,
  group: Group,
  found: { eventCount: number; shown: readonly EvidenceDelta[]; runs: readonly Run[]; spanMs: number; endMs: number },
): string {
  if (rule.kind === "temporal_ordered") return whyOrdered(findChain(group.members, rule, found.endMs), rule);
  if (rule.kind === "temporal") return whyTogether(findSet(group.members, rule, found.endMs), rule);
  const [only] = found.shown;
  if (rule.timespanMs === 0 && found.eventCount === 1 && only !== undefined)
    return whySingle(only.evidence, toUtcText(only.timeMs));
  return whyCounted(rule, {
    count: found.eventCount,
    spanMs: found.spanMs,
    actions: firstMembers(group, found.runs).map((member) => member.action),
    values: rule.kind === "value_count" ? countValues(group, found.runs) : null,
  });
}

/** Distinct values in the union of windows. */
function countValues(group: Group, runs: readonly Run[]): number {
  const values = new Set<string | null>();
  for (const { from, to } of runs) for (let i = from; i < to; i += 1) values.add((group.members[i] as Member).value);
  return values.size;
}

function countEvents(group: Group, runs: readonly Run[]): number {
  if (group.spread === 0) return runs.reduce((sum, run) => sum + run.to - run.from - countEchoes(group, run), 0);
  const identities = new Set<string>();
  for (const { from, to } of runs)
    for (let i = from; i < to; i += 1) identities.add(toIdentity(group.members[i] as Member));
  return identities.size;
}

/** The first members that an alert lists; the sentence names the actions of these, so a hot group costs no more. */
function firstMembers(group: Group, runs: readonly Run[]): Member[] {
  const first: Member[] = [];
  for (const { from, to } of runs)
    first.push(...group.members.slice(from, Math.min(to, from + EVENT_IDS_MAX - first.length)));
  return first;
}

function firstEventIds(group: Group, runs: readonly Run[]): string[] {
  const ids = new Set<string>();
  for (const { from, to } of runs) {
    for (let i = from; i < to && ids.size < EVENT_IDS_MAX; i += 1) ids.add((group.members[i] as Member).eventId);
  }
  return [...ids];
}

function findEvidence(group: Group, intervals: readonly Interval[]): EvidenceDelta[] {
  const shown: EvidenceDelta[] = [];
  for (const slice of [...group.evidence.keys()].toSorted((a, b) => a - b)) {
    for (const entry of group.evidence.get(slice) ?? []) {
      if (shown.length === EVIDENCE_MAX) return shown;
      if (intervals.some(({ fromMs, toMs }) => entry.timeMs >= fromMs && entry.timeMs <= toMs)) shown.push(entry);
    }
  }
  return shown;
}

function eventIdOf(group: Group, entry: EvidenceDelta): string {
  for (let i = lowerBound(group.members, entry.timeMs); i < group.members.length; i += 1) {
    const member = group.members[i] as Member;
    if (member.key === entry.key) return member.eventId;
    if (member.timeMs > entry.timeMs) break;
  }
  return entry.key;
}

function toAlertEvidence(timeMs: number, eventId: string, evidence: Evidence): AlertEvidence {
  return {
    time: toUtcText(timeMs),
    eventId,
    action: evidence.action,
    sourceIPAddress: evidence.ip,
    userAgent: evidence.agent,
    errorCode: evidence.error,
    target: evidence.target,
  };
}

function toTitle(rule: string, who: { principal: string; accountId: string }, accountName: string): string {
  const account = accountName === "" ? who.accountId : accountName;
  const by = who.principal === "" ? "" : ` by ${toShortName(who.principal)}`;
  return account === "" ? `${rule}${by}` : `${rule}${by} in ${account}`;
}

function toGroupTitle(rule: Correlation, values: readonly string[]): string {
  if (rule.groupBy.length === 0) return rule.title;
  return `${rule.title} for ${rule.groupBy.map((field, i) => `${field} ${values[i] ?? ""}`).join(", ")}`;
}

/** Group-by fields that name the actor: then the title can say BY whom. */
function namesPrincipal(field: string): boolean {
  return field === "enrich.principal.id" || field.startsWith("userIdentity.");
}

/** Readable end of an ARN or id: "arn:aws:iam::1:role/team/x" → "x", "AROA…:session" → "session". */
function toShortName(principal: string): string {
  return principal.slice(Math.max(principal.lastIndexOf("/"), principal.lastIndexOf(":")) + 1) || principal;
}

/** Technique ids in the tags: attack.t1078.004 → T1078.004, atlas.aml.t0040 → AML.T0040. Tactic names stay in the rule. */
function toTechniques(rule: RuleHead): { attack: string[]; atlas: string[] } {
  const attack = rule.tags
    .filter((tag) => /^attack\.t\d/i.test(tag))
    .map((tag) => tag.slice("attack.".length).toUpperCase());
  const atlas = rule.tags
    .filter((tag) => /^atlas\.aml\.t\d/i.test(tag))
    .map((tag) => tag.slice("atlas.".length).toUpperCase());
  return { attack, atlas };
}
