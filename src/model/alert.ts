/**
 * The alert: what a detection says, in the flat native form, and its deterministic identity.
 *
 * An alert's id is a hash over the rule, the rule's meaning and what the alert is about, never over time of arrival, so
 * that a repeated or reordered input makes the same alert again (delivery contract C4). Content is everything a receiver
 * may compare between two runs (C5); revision, seenTime and pointers stand outside it. This file hashes, it decides nothing.
 */
import { canonicalJson, sha256Hex } from "../lib/canonical.ts";

/** Sigma levels, from least to most severe. */
export const SEVERITIES = ["informational", "low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One event of an alert as an analyst reads it. Times are RFC 3339 UTC with Z. */
export type AlertEvidence = {
  readonly time: string;
  readonly eventId: string;
  readonly action: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode: string;
  readonly target: string;
};

/** A technique of MITRE ATT&CK or ATLAS: an id such as "T1078.004" or "AML.T0040". */
export type Technique = string;

/** The part of an alert that the same input always makes again. */
export type AlertContent = {
  readonly id: string;
  readonly ruleId: string;
  readonly ruleName: string;
  /** "RULE by PRINCIPAL in ACCOUNT"; a correlation grouped otherwise names its group values. */
  readonly title: string;
  readonly severity: Severity;
  readonly accountId: string;
  /** Name of the account in the configuration, else empty. */
  readonly accountName: string;
  readonly region: string;
  readonly principal: string;
  readonly firstEventTime: string;
  readonly lastEventTime: string;
  /** The first EVENT_IDS_MAX event ids by (time, key, record hash). */
  readonly eventIds: readonly string[];
  /** Number of distinct events, exact up to EVENT_COUNT_MAX. */
  readonly eventCount: number;
  readonly attack: readonly Technique[];
  readonly atlas: readonly Technique[];
  /** One sentence with the numbers. */
  readonly why: string;
  /** Group-by field to value; empty for a single-event alert. */
  readonly group: Readonly<Record<string, string>>;
  readonly evidence: readonly AlertEvidence[];
  /** Present and true when the event came later than the lateness bound. */
  readonly late?: true;
  /** Present and true when a number below zero was in reach of a sum, which was then judged at the end of its bucket. */
  readonly negative?: true;
  /** Present and true when there were more events than EVENT_COUNT_MAX, which `eventCount` is then, or when events were forgotten because memory was full. */
  readonly approx?: true;
};

/** An alert as stored and sent: content, its revision from 1, and when Sagewatch first saw it (RFC 3339 UTC). */
export type Alert = AlertContent & { readonly revision: number; readonly seenTime: string };

/** Ids listed in an alert. 100 fits every SIEM's field limits and still lets an analyst pull the records. */
export const EVENT_IDS_MAX = 100;
/** Events that are counted one by one (reliability.md section 6): beyond that the number changes nothing for who reads it. */
export const EVENT_COUNT_MAX = 100_000;
/** Evidence rows in an alert, and raw records kept for it (reliability.md section 6: the first 20). */
export const EVIDENCE_MAX = 20;
/** Separator of the hashed parts, U+241F: a canonical group key is ASCII, so it cannot occur in one. */
const SEPARATOR = "\u241f";
const NOT_ASCII = /[\u007f-\uffff]/;

/** Id of an alert of one event. `eventKey` is the identity key of the event inside its kind. */
export function toEventAlertId(rule: { id: string; ruleSem: string }, kind: string, eventKey: string): string {
  return sha256Hex([rule.id, rule.ruleSem, toGroupKey([kind, eventKey])].join(SEPARATOR));
}

/** Id of an alert of a group in an epoch-aligned bucket. `bucket` = floor(epoch s ÷ bucket length s), any integer. */
export function toBucketAlertId(rule: { id: string; ruleSem: string }, groupKey: string, bucket: number): string {
  return sha256Hex([rule.id, rule.ruleSem, groupKey, bucket.toFixed(0)].join(SEPARATOR));
}

/** Canonical text of group values: a JSON array of texts in which every character above U+007E is escaped. */
export function toGroupKey(values: readonly string[]): string {
  const text = JSON.stringify(values);
  if (!NOT_ASCII.test(text)) return text;
  return text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The values of a group key, in order. */
export function fromGroupKey(groupKey: string): string[] {
  return JSON.parse(groupKey) as string[];
}

/** Hash of the content, by which the store tells a new revision from a repetition. */
export function toContentHash(content: AlertContent): string {
  return sha256Hex(canonicalJson(content));
}

/** Hash of a rule's meaning (`rule_sem` of C4): its state key, timespan and bucket length, both in whole seconds. */
export function toRuleSem(stateKey: string, timespanS: number, bucketS: number): string {
  return sha256Hex([stateKey, timespanS.toFixed(0), bucketS.toFixed(0)].join(SEPARATOR));
}
