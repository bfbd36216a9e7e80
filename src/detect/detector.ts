/**
 * The detector: matches in, alerts and state deltas out.
 *
 * A match of a single-event rule is an alert at once. A match of a correlation becomes a member of its group; at the next
 * `deltas` the windows that the new members touch are judged again, and each bucket whose coverage may have changed gives
 * its alert's whole content. The store drops what is equal. When the watermark passes a bucket's end its alert is given a
 * last time as final, conditions that more events can make untrue are judged for it, and members no open bucket can need
 * are pruned. Judging once a commit, over the touched range only, keeps the cost with the new members whatever the group's
 * size. Synchronous; no clock; no state outside the closure.
 *
 * A single-event rule with `x_engine.suppress` is run as a window of its own: every match holds, one alert a bucket.
 */
import type {
  AlertDraft,
  Deltas,
  Detector,
  EvidenceDelta,
  EvidenceDrop,
  Match,
  Member,
  MemberDelta,
  Prune,
} from "../contracts.ts";
import type { Evidence, Logsource } from "../model/event.ts";
import type { DetectionRule, RuleSet } from "../sigma/ast.ts";
import { type AccountNames, toEventContent } from "./content.ts";
import { createEviction } from "./eviction.ts";
import { addEvidence, addMember, type Group } from "./group.ts";
import { isChained, linkWindows, toCompleteMs, toNeeds } from "./judging/chain.ts";
import { closeBuckets, type Desk, draftBucket, handEnded, judgeGroup, noteAdded } from "./judging/judge.ts";
import { createGroupMemory, DEFAULT_MEMORY, type GroupMemory, type MemoryOptions } from "./memory/groups.ts";
import { inheritWindows, restoreWindows } from "./restore.ts";
import { createAllWindows, pruneSlices, SLICE_MS, type Windows } from "./windows.ts";

const NOTHING = { unjudged: new Set<Windows>(), missing: new Set<string>() };

type Pending = {
  members: Map<Group, Map<number, Member[]>>;
  stateKeys: Map<Group, string>;
  /** The entry that the group keeps → the record's bytes, on their way to the store. */
  evidence: Map<EvidenceDelta, Uint8Array | null>;
  drops: EvidenceDrop[];
  prunes: Prune[];
  negatives: Map<string, number>;
  alerts: AlertDraft[];
  late: Match[];
  /** What groups keep of the record that was applied last, and a match of it. */
  last: (RecordFacts & { readonly of: Match }) | null;
};

/** What groups keep of a record: the same for all its matches, which follow each other. */
type RecordFacts = Pick<EvidenceDelta, "evidence" | "pointer"> & Pick<Member, "accountId" | "region" | "principal">;

/** A detector whose windows another one may take over. */
export type LiveDetector = Detector & {
  readonly windows: ReadonlyMap<string, Windows>;
  readonly memory: GroupMemory;
  /** State keys that the detector before had not: these are to be restored from the store. */
  readonly missing: ReadonlySet<string>;
};

export type DetectorOptions = {
  /** Account id → name, for titles and `accountName`. */
  readonly names: AccountNames;
  /** Caps; default DEFAULT_MEMORY. Not used with `before`, whose memory goes on. */
  readonly memory?: Partial<MemoryOptions>;
  /**
   * The detector whose place this one takes: nothing may wait in it, and it is of no use afterwards. `redraft` as `restore`
   * has it, which is called here too, after `advance`: correlations of correlations are judged there.
   */
  readonly before?: { readonly detector: LiveDetector; readonly redraft: ReadonlySet<string> };
};

export function createDetector(ruleSet: RuleSet, options: DetectorOptions): LiveDetector {
  const { names, before } = options;
  const singles = new Map(ruleSet.detections.map((rule) => [rule.id, rule]));
  const memory = before?.detector.memory ?? createGroupMemory({ ...DEFAULT_MEMORY, ...options.memory });
  const windows = createAllWindows(ruleSet, memory);
  const old = before === undefined ? null : { windows: before.detector.windows, redraft: before.redraft };
  const { unjudged, missing } = old === null ? NOTHING : inheritWindows(windows, old, memory);
  linkWindows(windows);
  const eviction = createEviction([...windows.values()], memory);
  const watermarks = new Map<Logsource, number>();
  let pending = createPending();
  const judgeAll = (entry: Windows, redraft: ReadonlySet<string> | undefined, handedMs = Infinity): void => {
    // What cannot hold has no coverage. Without a draft coverage follows from the members; with one it is said, too. So does
    // what is handed to parents, which stand behind their children.
    entry.groups.eachLikely((group) => {
      group.dirtyFromMs = -Infinity;
      group.dirtyToMs = Infinity;
      const touched = judgeGroup(group, entry);
      handEnded(group, entry, handedMs);
      if (redraft?.has(entry.rule.id) !== true) return;
      for (const bucket of touched)
        draftBucket(group, { entry, bucket, final: false }, { alerts: pending.alerts, names });
    });
  };
  for (const entry of unjudged) if (!isChained(entry)) judgeAll(entry, before?.redraft);

  return {
    windows,
    memory,
    missing,
    apply: (matches) => {
      const repeats = createRepeats();
      for (const match of matches) {
        const entry = windows.get(match.ruleId);
        const late = match.timeMs < (watermarks.get(match.logsource) ?? -Infinity);
        if (match.step < 0 && (entry === undefined || late)) applySingle(match, singles, { pending, names, late });
        else if (entry !== undefined) repeats.note(match, applyMember(match, entry, pending));
      }
      return { repeated: repeats.count() };
    },
    advance: (logsource, watermarkMs) => {
      if (watermarkMs <= (watermarks.get(logsource) ?? -Infinity)) return;
      watermarks.set(logsource, watermarkMs);
      let isAnyOver = false;
      for (const entry of windows.values()) {
        if (!entry.logsources.includes(logsource)) continue;
        // A correlation's input is complete only as far as that of its slowest logsource.
        const reachedMs = Math.min(...entry.logsources.map((name) => watermarks.get(name) ?? -Infinity));
        entry.inputMs = Math.max(entry.inputMs, reachedMs);
        isAnyOver = moveOn(entry, { alerts: pending.alerts, names }) || isAnyOver;
      }
      if (isAnyOver) prune(windows, pending);
    },
    deltas: () => {
      const desk = { alerts: pending.alerts, names };
      judgeDirty(windows.values(), desk);
      memory.settle();
      eviction.run((group, at) => draftBucket(group, { ...at, final: true }, desk));
      const drained = pending;
      pending = createPending();
      return { ...toDeltas(drained), ...eviction.drain() };
    },
    restore: (state, redraft, closed) => {
      if (closed !== undefined) for (const entry of windows.values()) raise(entry, closed(entry.logsources));
      const settle = (): void => {
        memory.settle();
        // Caps may be lower than they were, and groups that were thinned come back whole.
        eviction.run(() => undefined);
      };
      const filled = restoreWindows(state, windows.values(), { settle });
      const needs = toNeeds(windows);
      for (const entry of windows.values()) {
        if (filled.has(entry) || isChained(entry)) judgeAll(entry, redraft, needs.get(entry)?.handedMs);
        entry.dirty.clear();
      }
      // What came back may be more than what was kept.
      prune(windows, pending);
    },
    size: () => ({ ...memory.size() }),
  };
}

function createPending(): Pending {
  return {
    members: new Map(),
    stateKeys: new Map(),
    evidence: new Map(),
    drops: [],
    prunes: [],
    negatives: new Map(),
    alerts: [],
    late: [],
    last: null,
  };
}

function applySingle(
  match: Match,
  singles: ReadonlyMap<string, DetectionRule>,
  into: { pending: Pending; names: AccountNames; late: boolean },
): void {
  const rule = singles.get(match.ruleId);
  if (rule === undefined) return;
  into.pending.alerts.push({
    content: toEventContent(rule, match, { names: into.names, late: into.late }),
    order: { version: match.version, timeMs: match.timeMs, recordHash: match.recordHash },
    final: match.version === 0,
    records: [
      {
        key: match.key,
        recordHash: match.recordHash,
        timeMs: match.timeMs,
        pointer: match.pointer,
        record: match.record,
        from: null,
      },
    ],
  });
}

/** What became of a match in its group; null when it came too late for it. */
type Applied = { readonly group: Group; readonly added: ReturnType<typeof addMember> } | null;

/** Counts the records that stood in a window already: each once, and not because it serves two steps itself. */
function createRepeats(): { note(match: Match, applied: Applied): void; count(): number } {
  let count = 0;
  let last: Match | null = null;
  let isCounted = false;
  const fresh = new Set<Group>();
  return {
    note: (match, applied) => {
      if (last === null || !isSameRecord(match, last)) {
        fresh.clear();
        isCounted = false;
      }
      last = match;
      if (applied === null) return;
      if (applied.added === "new") fresh.add(applied.group);
      else if (!isCounted && !fresh.has(applied.group)) {
        isCounted = true;
        count += 1;
      }
    },
    count: () => count,
  };
}

/** The matches of a record follow each other. */
function isSameRecord(a: Match, b: Match): boolean {
  return a.pointer.index === b.pointer.index && a.recordHash === b.recordHash && a.pointer.path === b.pointer.path;
}

function applyMember(match: Match, entry: Windows, pending: Pending): Applied {
  if (match.timeMs < entry.inputMs) {
    pending.late.push(match);
    return null;
  }
  const group = entry.groups.open(match.group);
  const facts = shareFacts(match, entry.intern, pending);
  const member = toMember(match, facts, entry.intern);
  const added = addMember(group, member);
  if (added === "same") return { group, added };
  const slice = Math.floor(match.timeMs / SLICE_MS);
  noteAdded(entry, group, member);
  if (isTurned(entry.rule, group, member))
    pending.negatives.set(entry.rule.id, (pending.negatives.get(entry.rule.id) ?? 0) + 1);
  keepEvidence(match, { group, slice, entry, facts }, pending);
  entry.dirty.add(group);
  if (entry.primary) noteMember(member, { group, slice, stateKey: entry.rule.stateKey }, pending);
  return { group, added };
}

/** True when a sum that is judged at once has got its first number below zero by `member`. */
function isTurned({ kind, judged }: Windows["rule"], { negatives }: Group, { number }: Member): boolean {
  return kind === "value_sum" && judged === "eager" && (number ?? 0) < 0 && negatives?.length === 1;
}

function noteMember(member: Member, at: { group: Group; slice: number; stateKey: string }, pending: Pending): void {
  const bySlice = pending.members.get(at.group) ?? new Map<number, Member[]>();
  pending.members.set(at.group, bySlice);
  pending.stateKeys.set(at.group, at.stateKey);
  const list = bySlice.get(at.slice);
  if (list === undefined) bySlice.set(at.slice, [member]);
  else list.push(member);
}

type EvidencePlace = { readonly group: Group; readonly slice: number; readonly entry: Windows; facts: RecordFacts };

function keepEvidence(match: Match, at: EvidencePlace, pending: Pending): void {
  const { group, slice } = at;
  const { evidence, pointer } = at.facts;
  const { stateKey } = at.entry.rule;
  const { key, recordHash, timeMs } = match;
  // The group keeps no bytes: they are a view on a whole chunk, which must be free to go after the commit.
  const offered: EvidenceDelta = {
    stateKey,
    group: group.key,
    slice,
    key,
    recordHash,
    timeMs,
    evidence,
    pointer,
    record: null,
  };
  const { kept, dropped } = addEvidence(group, offered);
  if (!at.entry.primary) return;
  if (kept) pending.evidence.set(offered, match.record);
  if (dropped === null) return;
  // Evidence that never reached the store need not be taken out of it.
  if (!pending.evidence.delete(dropped))
    pending.drops.push({ stateKey, group: group.key, slice, key: dropped.key, recordHash: dropped.recordHash });
}

/** The facts of the match's record, made once for all its matches. */
function shareFacts(match: Match, intern: (text: string) => string, pending: Pending): RecordFacts {
  const { last } = pending;
  const { evidence, pointer, accountId, region, principal } = match;
  // Each record has objects of its own, which its matches share.
  if (last?.of.evidence === evidence && last.of.pointer === pointer) return last;
  const { source, path, index } = pointer;
  const made = {
    of: match,
    evidence: shareTexts(evidence, intern),
    pointer: { source, path: intern(path), index },
    accountId: intern(accountId),
    region: intern(region),
    principal: intern(principal),
  };
  pending.last = made;
  return made;
}

function shareTexts({ action, ip, agent, error, target }: Evidence, intern: (text: string) => string): Evidence {
  return { action: intern(action), ip: intern(ip), agent: intern(agent), error: intern(error), target: intern(target) };
}

function toMember(match: Match, facts: RecordFacts, intern: (text: string) => string): Member {
  const { step, timeMs, kind, key, eventId, version, recordHash, value, number } = match;
  const { accountId, region, principal } = facts;
  return {
    step,
    timeMs,
    kind,
    key,
    eventId,
    version,
    recordHash,
    accountId,
    region,
    principal,
    action: facts.evidence.action,
    value: value === null ? null : intern(value),
    number,
  };
}

/** Begins a correlation where it was closed before, if that is further; its children come first. */
function raise(entry: Windows, closedMs: number): void {
  if (entry.logsources.length === 0 || closedMs <= entry.inputMs) return;
  entry.inputMs = closedMs;
  entry.watermarkMs = Math.max(entry.watermarkMs, toCompleteMs(entry));
}

/** Takes a correlation to its new watermark; true when that closed buckets. Its children must have been taken there before. */
function moveOn(entry: Windows, desk: Desk): boolean {
  const completeMs = toCompleteMs(entry);
  if (completeMs <= entry.watermarkMs) return false;
  const { bucketMs } = entry.rule;
  // Within a bucket nothing closes and nothing may go: the groups wait, to be judged once a commit.
  const isBucketOver = Math.floor(completeMs / bucketMs) > Math.floor(entry.watermarkMs / bucketMs);
  if (isBucketOver) judgeDirty([...entry.below, entry], desk);
  entry.watermarkMs = completeMs;
  if (isBucketOver) closeBuckets(entry, desk);
  return isBucketOver;
}

/** Judges the touched groups and drafts the alerts of the buckets that may have changed; children come before parents. */
function judgeDirty(entries: Iterable<Windows>, desk: Desk): void {
  for (const entry of entries) {
    for (const group of entry.dirty)
      for (const bucket of judgeGroup(group, entry)) draftBucket(group, { entry, bucket, final: false }, desk);
    entry.dirty.clear();
  }
}

/** Forgets what no bucket that is open can need any more. */
function prune(windows: ReadonlyMap<string, Windows>, pending: Pending): void {
  for (const [entry, { membersMs }] of toNeeds(windows))
    if (pruneSlices(entry, membersMs)) notePrune(entry, windows, pending);
}

/** Stored members may go once no rule of the same meaning needs them. */
function notePrune(entry: Windows, windows: ReadonlyMap<string, Windows>, pending: Pending): void {
  const { stateKey } = entry.rule;
  let slice = Infinity;
  for (const other of windows.values())
    if (other.rule.stateKey === stateKey)
      slice = Math.min(slice, other.slices.size === 0 ? Infinity : Math.min(...other.slices.keys()));
  pending.prunes.push({ stateKey, slice: slice === Infinity ? entry.prunedTo : slice });
}

function toDeltas(drained: Pending): Omit<Deltas, "evictions" | "pressure"> {
  const members: MemberDelta[] = [];
  for (const [group, bySlice] of drained.members) {
    const stateKey = drained.stateKeys.get(group) ?? "";
    for (const [slice, list] of bySlice) members.push({ stateKey, group: group.key, slice, members: list });
  }
  return {
    members,
    evidence: [...drained.evidence].map(([kept, record]) => ({ ...kept, record })),
    drops: drained.drops,
    prunes: drained.prunes,
    negatives: drained.negatives,
    alerts: drained.alerts,
    late: drained.late,
  };
}
