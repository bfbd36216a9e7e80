/**
 * The matcher: a batch of bytes to matches. The only reader of record bytes.
 *
 * Each record is decoded, met with the candidate rules of its logsource, and makes one match for each use of each rule it
 * meets; a record that no rule can match is not even parsed (glance.ts). Stateless between batches, no clock, decoders handed in, result plain data: the same batch gives the same result
 * anywhere. Never throws for any bytes: a record on which a rule or decoder fails unexpectedly is rejected as `schema`
 * and its neighbours go on. There is no limit of time, which would make outcomes depend on the machine: rules are bounded
 * when they are loaded, and matching is linear (docs/adr/001-no-rule-timeout.md).
 */
import { sha256Hex } from "../lib/canonical.ts";
import type { Arrival, Batch, Decoder, Match, MatchResult, Matcher, Undecodable } from "../contracts.ts";
import { toMessage } from "../model/errors.ts";
import type { BatchOrigin, Event, Kind, Pointer, Rejected } from "../model/event.ts";
import type { RuleSet } from "../sigma/ast.ts";
import type { CompiledRules } from "../sigma/compile.ts";
import { createFeeds, type Feed } from "./feeds.ts";
import { createBatchGlances } from "./glance/batch.ts";
import { type ReadField, toGroups, toMeasure } from "./groups.ts";
import { withholdRejected, withoutTexts } from "./kept/prompts.ts";
import { type BatchTimes, createBatchTimes } from "./times.ts";

/** Sizes in bytes beyond which a record's bytes are not carried along. */
export type MatcherLimits = {
  /** Records of matches: larger ones are not kept as evidence. Default 64 KiB (reliability.md section 6). */
  readonly evidenceBytes: number;
  /** Rejected records: of larger ones only the pointer is kept. Default 1 MiB (reliability.md section 8). */
  readonly rejectedBytes: number;
};
export const MATCHER_LIMITS: MatcherLimits = { evidenceBytes: 65_536, rejectedBytes: 1_048_576 };

/** What a matcher is made of. `rules` is the compiled form of `ruleSet`. */
export type MatcherOptions = {
  readonly rules: CompiledRules;
  readonly ruleSet: RuleSet;
  readonly decoders: Readonly<Partial<Record<Kind, Decoder>>>;
  readonly limits?: Partial<MatcherLimits>;
  /** What people and models said stays in the records that are kept (kept/prompts.ts). Default false. */
  readonly prompts?: boolean;
};

/** What a batch has come to so far. */
type Tally = {
  evaluated: number;
  late: number;
  newestMs: number;
  readonly rejected: Rejected[];
  readonly matches: Match[];
  readonly groupless: Map<string, number>;
  /** Null where nobody asks for times. */
  readonly times: BatchTimes | null;
};

/** One record of a batch. */
type Range = { readonly kind: Kind; readonly bytes: Uint8Array; readonly pointer: Pointer };

/** What decoding and counting a record needs to know of the time. */
type Moment = Arrival & { readonly watermarkMs: number };

/** Creates a matcher for one rule set. */
export function createMatcher(options: MatcherOptions): Matcher {
  const limits: MatcherLimits = { ...MATCHER_LIMITS, ...options.limits };
  const feeds = createFeeds(options.ruleSet);
  const { rules, prompts = false } = options;
  const toKept = prompts ? (_event: Event, { bytes }: Range): Uint8Array => bytes : withoutTexts;
  const withhold = prompts ? (rejected: Rejected): Rejected => rejected : withholdRejected;
  const read: ReadField = (field) => rules.read(field).values;
  const toGlance = createBatchGlances(rules, options.decoders);

  const toRecord = (kept: Uint8Array): Uint8Array | null => (kept.length <= limits.evidenceBytes ? kept : null);

  /** Evaluates one event; what it adds to the tally comes last, so that a failure leaves nothing behind. */
  const take = (range: Range, event: Event, tally: Tally): void => {
    const hits = rules.evaluate(event);
    if (hits.length > 0) {
      const uses = hits.flatMap((hit) => feeds[hit] ?? []);
      const known = new Map<readonly string[], readonly string[] | null>();
      const made = uses.map((feed) => toMatches(feed, read, known));
      const facts = toFacts(event, range, toRecord(toKept(event, range)));
      for (const [index, feed] of uses.entries()) {
        const found = made[index] ?? null;
        if (found === null) tally.groupless.set(feed.ruleId, (tally.groupless.get(feed.ruleId) ?? 0) + 1);
        else for (const use of found) tally.matches.push(toMatch(use, facts));
      }
    }
  };

  /** Why the record was not evaluated, or null when it was. */
  const tryRecord = (range: Range, moment: Moment, tally: Tally): Undecodable | null => {
    const decoder = options.decoders[range.kind];
    if (decoder === undefined) return { reason: "unknown_kind", detail: `there is no decoder for ${range.kind}` };
    try {
      const event = decoder.decode(range.bytes, moment);
      if ("reason" in event) return event;
      take(range, event, tally);
      count(tally, event.timeMs, moment.watermarkMs);
      tally.times?.read(event);
      return null;
    } catch (thrown) {
      return { reason: "schema", detail: `the record could not be evaluated: ${toMessage(thrown)}` };
    }
  };

  return {
    match: (batch, at) => {
      const tally: Tally = {
        evaluated: 0,
        late: 0,
        newestMs: -Infinity,
        rejected: batch.rejected.map(withhold),
        matches: [],
        groupless: new Map(),
        times: at.wantsTimes === true ? createBatchTimes() : null,
      };
      const records = batch.offsets.length >> 1;
      const glance = toGlance(batch, at.nowMs);
      const form = options.decoders[batch.kind]?.glance;
      const { chunk, offsets } = batch;
      const toAccountId = (index: number): string =>
        form?.toAccountId(chunk, offsets[2 * index] ?? 0, offsets[2 * index + 1] ?? 0) ?? "";
      for (let index = 0; index < records; index += 1) {
        const timeMs = glance.passedTimeMs(index);
        if (!Number.isNaN(timeMs)) {
          count(tally, timeMs, at.watermarkMs);
          if (tally.times !== null) tally.times.passed(index, timeMs, toAccountId(index));
          continue;
        }
        const range = toRange(batch, index);
        const duplicateKeys = ((batch.flags?.[index] ?? 0) & 1) === 1;
        const failed = tryRecord(range, { ...at, duplicateKeys, isPlain: glance.isPlain(index) }, tally);
        if (failed !== null) tally.rejected.push(withhold(toRejected(failed, range, limits.rejectedBytes)));
      }
      for (const index of tally.times?.nameless() ?? []) {
        const event = options.decoders[batch.kind]?.decode(toRange(batch, index).bytes, {
          ...at,
          duplicateKeys: false,
        });
        if (event !== undefined && !("reason" in event)) tally.times?.name(event);
      }
      return toResult(batch, records, tally);
    },
  };
}

/** Counts a record as evaluated. */
function count(tally: Tally, timeMs: number, watermarkMs: number): void {
  tally.evaluated += 1;
  if (timeMs < watermarkMs) tally.late += 1;
  if (timeMs > tally.newestMs) tally.newestMs = timeMs;
}

function toResult(batch: Batch, records: number, tally: Tally): MatchResult {
  const skipped = Object.values(batch.skipped).reduce((sum, count) => sum + count, 0);
  const { times, ...rest } = tally;
  const seen = times === null ? {} : { times: times.end() };
  return { read: records + batch.rejected.length + skipped, ...rest, skipped: batch.skipped, ...seen };
}

function toRange(batch: Batch, index: number): Range {
  const { source, indexes } = batch.origin;
  const bytes = batch.chunk.subarray(batch.offsets[2 * index] ?? 0, batch.offsets[2 * index + 1] ?? 0);
  const path = toPath(batch.origin, index);
  return { kind: batch.kind, bytes, pointer: { source, path, index: indexes[index] ?? index } };
}

/** Path of the input that the record of this row stands in. */
function toPath({ path, further = [] }: BatchOrigin, index: number): string {
  return further.findLast(({ from }) => from <= index)?.path ?? path;
}

function toRejected(why: Undecodable, range: Range, maxBytes: number): Rejected {
  const sizeBytes = range.bytes.length;
  const bytes = sizeBytes <= maxBytes ? range.bytes : null;
  return { reason: why.reason, detail: why.detail, pointer: range.pointer, bytes, sizeBytes, kind: range.kind };
}

/** The parts of a match that tell its uses apart. */
type MatchUse = Pick<Match, "ruleId" | "ruleSem" | "step" | "group" | "value" | "number">;

/**
 * One use of a detection by the event, for each group; null when a correlation lacks a field of it. `known`: groups of this
 * event by the list of a correlation's fields.
 */
function toMatches(
  feed: Feed,
  read: ReadField,
  known: Map<readonly string[], readonly string[] | null>,
): MatchUse[] | null {
  const { ruleId, ruleSem, step, correlation } = feed;
  let groups = feed.missing === null ? known.get(feed.groupBy) : toGroups(feed.groupBy, read, feed.missing);
  if (groups === undefined) {
    groups = toGroups(feed.groupBy, read, null);
    known.set(feed.groupBy, groups);
  }
  const measure = correlation === null ? { value: null, number: null } : toMeasure(correlation, feed.fields, read);
  if (groups === null || measure === null) return null;
  const joined = feed.single ? groups.slice(0, 1) : groups;
  return joined.map((group) => ({ ruleId, ruleSem, step, group, ...measure }));
}

/** Field by field: spreading two objects into one takes several times as long. */
function toMatch({ ruleId, ruleSem, step, group, value, number }: MatchUse, facts: Facts): Match {
  const { kind, logsource, key, eventId, version, timeMs, recordHash } = facts;
  const { accountId, region, principal, pointer, evidence, record } = facts;
  return {
    ruleId,
    ruleSem,
    step,
    group,
    value,
    number,
    kind,
    logsource,
    key,
    eventId,
    version,
    timeMs,
    recordHash,
    accountId,
    region,
    principal,
    pointer,
    evidence,
    record,
  };
}

/** The parts of a match that come from the event. */
type Facts = Omit<Match, keyof MatchUse>;

function toFacts(event: Event, range: Range, record: Uint8Array | null): Facts {
  const { kind, logsource, key, eventId, version, timeMs, accountId, region, evidence } = event;
  return {
    kind,
    logsource,
    key,
    eventId,
    version,
    timeMs,
    recordHash: sha256Hex(range.bytes),
    accountId,
    region,
    principal: event.principal.id,
    pointer: range.pointer,
    evidence,
    record,
  };
}
