/**
 * The content of alerts: from a match (one event) or from a group's coverage of a bucket (a window).
 *
 * Content depends on the set of events only, never on their order of arrival, on time of day or on chance (C5); lists
 * that are cut keep the first by (event time, key, record hash).
 */
import type { EvidenceDelta, Match } from "../contracts.ts";
import { toUtcText } from "../lib/clock.ts";
import {
  type AlertContent,
  type AlertEvidence,
  EVENT_COUNT_MAX,
  fromGroupKey,
  toBucketAlertId,
  toEventAlertId,
} from "../model/alert.ts";
import type { Evidence } from "../model/event.ts";
import type { Correlation, DetectionRule, RuleHead } from "../sigma/ast.ts";
import { type Part, summarize } from "./behind.ts";
import { type Covered, toWhy } from "./explain.ts";
import type { Group } from "./group.ts";
import type { Interval } from "./interval.ts";
import type { Verdict } from "./judging/bucket.ts";
import { whySingle } from "./why.ts";

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

/** What a window's alert is made of. */
export type BucketFindings = {
  readonly bucket: number;
  /** What the alert covers of the group itself, not empty. */
  readonly intervals: readonly Interval[];
  /** The records behind it, and the events of the group itself where some are alerts of others. */
  readonly parts: readonly Part[];
  readonly events: Covered["events"];
  /** Of conditions that are judged once a bucket; null for those that fire at once. */
  readonly verdict: Verdict | null;
  /** A sum was judged late because of a number below zero. */
  readonly negative: boolean;
  /** Members of the group may be missing, since memory was full. */
  readonly isPart: boolean;
  /** Titles of the correlations whose alerts some steps count; null for steps of records. */
  readonly children: readonly (string | null)[];
  readonly names: AccountNames;
};

/** Content of the alert of a group in a bucket, and the evidence it shows; null when no record is behind it. */
export function toBucketContent(
  rule: Correlation,
  group: Group,
  found: BucketFindings,
): { content: AlertContent; shown: readonly EvidenceDelta[] } | null {
  const summary = summarize(found.parts);
  if (summary === null) return null;
  const { first, last, shown } = summary;
  const values = fromGroupKey(group.key);
  const accountName = found.names.get(first.accountId) ?? "";
  const content: AlertContent = {
    id: toBucketAlertId(rule, group.key, found.bucket),
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
    eventIds: summary.eventIds,
    eventCount: Math.min(summary.eventCount, EVENT_COUNT_MAX),
    ...toTechniques(rule),
    why: toWhy(rule, group, { ...found, summary }),
    group: Object.fromEntries(rule.groupBy.map((field, i) => [field, values[i] ?? ""])),
    evidence: shown.map(({ entry, eventId }) => toAlertEvidence(entry.timeMs, eventId, entry.evidence)),
    ...(found.negative ? { negative: true as const } : {}),
    ...(found.isPart || summary.isThinned || summary.eventCount > EVENT_COUNT_MAX ? { approx: true as const } : {}),
  };
  return { content, shown: shown.map(({ entry }) => entry) };
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
