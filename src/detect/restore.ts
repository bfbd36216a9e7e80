/**
 * The windows that a detector begins with: from the rows of the store, or from the detector that it takes the place of.
 *
 * At a start they come as rows, in any order; rules of one meaning share theirs. When the rules change in a running daemon
 * they go from one detector to the next by the same state keys: a rule that is as it was goes on with the very same groups,
 * so that its number of groups costs nothing; one that judges otherwise (threshold, timespan, words) takes them too and
 * forgets what they covered; where several want one rule's groups they get members and evidence as if these were rows.
 * What windows cover is stored nowhere: it follows from the members. Nothing here judges or drafts.
 */
import type { DetectorState, EvidenceDelta, Member, MemberDelta } from "../contracts.ts";
import { addEvidence, addMember, type Group } from "./group.ts";
import { noteAdded } from "./judging/judge.ts";
import type { Correlation } from "../sigma/ast.ts";
import type { GroupMemory } from "./memory/groups.ts";
import { SLICE_MS, type Windows } from "./windows.ts";

/** Rows restored between two looks at what can be packed. */
const RESTORED_AT_ONCE = 1000;

/** Fills windows from rows; returns those that got any: their groups are still to be judged. */
export function restoreWindows(
  state: DetectorState,
  windows: Iterable<Windows>,
  memory: Pick<GroupMemory, "settle">,
): ReadonlySet<Windows> {
  const byStateKey = Map.groupBy(windows, ({ rule }) => rule.stateKey);
  const filled = new Set<Windows>();
  const evidence = feedEvidence(state.evidence, byStateKey);
  let rows = 0;
  try {
    for (const { stateKey, group: key, members } of state.members) {
      for (const entry of byStateKey.get(stateKey) ?? []) {
        filled.add(entry);
        addMembers(entry, key, members);
      }
      evidence.of(stateKey, key);
      rows += 1;
      if (rows % RESTORED_AT_ONCE !== 0) continue;
      evidence.known(RESTORED_AT_ONCE);
      memory.settle();
    }
    while (evidence.some(RESTORED_AT_ONCE)) memory.settle();
  } finally {
    evidence.close();
  }
  return filled;
}

function addMembers(entry: Windows, key: string, members: readonly Member[]): void {
  const group = entry.groups.open(key);
  for (const member of members) if (addMember(group, member) !== "same") noteAdded(entry, group, member);
}

type EvidenceFeed = {
  /** Adds what comes next and is of this group. */
  of(stateKey: string, group: string): void;
  /** Adds what comes next, up to `most`, until a group is not there yet. */
  known(most: number): void;
  /** Adds up to `most`, passing over what has no group; false at the end. */
  some(most: number): boolean;
  close(): void;
};

/**
 * Evidence for groups that are there. The store has it in the order of the members: given to a group right behind these, the
 * group need not be packed and unpacked once more for it, which took as long as all else. In any other order it comes to
 * the same, later.
 */
function feedEvidence(
  from: Iterable<EvidenceDelta>,
  byStateKey: ReadonlyMap<string, readonly Windows[]>,
): EvidenceFeed {
  const rest = from[Symbol.iterator]();
  let next = rest.next();
  const isThere = ({ stateKey, group }: EvidenceDelta): boolean =>
    (byStateKey.get(stateKey) ?? []).every(({ groups }) => groups.find(group) !== null);
  const add = (isDue: (evidence: EvidenceDelta) => boolean, most: number): void => {
    for (let count = 0; count < most && next.done !== true && isDue(next.value); count += 1) {
      const evidence = { ...next.value, record: null };
      for (const { groups } of byStateKey.get(evidence.stateKey) ?? []) {
        const group = groups.find(evidence.group);
        if (group !== null) addEvidence(group, evidence);
      }
      next = rest.next();
    }
  };
  return {
    of: (stateKey, key) => add(({ group, stateKey: own }) => group === key && own === stateKey, Infinity),
    known: (most) => add(isThere, most),
    some: (most) => {
      add(() => true, most);
      return next.done !== true;
    },
    close: () => void rest.return?.(),
  };
}

/** The windows of the detector before, in which nothing waits, and the rules that may judge otherwise now. */
export type Before = { readonly windows: ReadonlyMap<string, Windows>; readonly redraft: ReadonlySet<string> };

/** What came of the old windows: those still to be judged, and state keys that none had. */
export type Inherited = { readonly unjudged: ReadonlySet<Windows>; readonly missing: ReadonlySet<string> };

/** Fills `to`, whose groups are new and empty, from the windows before; these are of no use afterwards. All are of one memory. */
export function inheritWindows(to: Map<string, Windows>, before: Before, memory: GroupMemory): Inherited {
  const held = Map.groupBy(before.windows.values(), ({ rule }) => rule.stateKey);
  const shared = new Set<Windows>();
  const missing = new Set<string>();
  const changed = new Map<Windows, Windows[]>();
  for (const [ruleId, entry] of to) {
    const old = held.get(entry.rule.stateKey);
    const same = before.windows.get(ruleId);
    if (old === undefined) missing.add(entry.rule.stateKey);
    else if (same !== undefined && isKept(entry, { same, old, to }) && !before.redraft.has(ruleId)) {
      entry.groups.close();
      const { intern, groups, open, slices, inputMs, watermarkMs, prunedTo, evictedMs } = same;
      to.set(ruleId, { ...entry, intern, groups, open, slices, inputMs, watermarkMs, prunedTo, evictedMs });
      shared.add(same);
    } else {
      const source = fullest(old);
      entry.inputMs = source.inputMs;
      // How far a parent's members are complete follows from its children as they are now.
      if (!isParent(entry, to)) entry.watermarkMs = source.watermarkMs;
      entry.prunedTo = source.prunedTo;
      entry.evictedMs = source.evictedMs;
      changed.set(source, [...(changed.get(source) ?? []), entry]);
    }
  }
  const unjudged = new Set<Windows>();
  for (const [source, entries] of changed) {
    const [only, more] = entries;
    const isAlone = only !== undefined && more === undefined && !shared.has(source) && !isParent(only, to);
    if (isAlone && isRebound(source.rule, only.rule)) {
      const next = rebind(only, source);
      to.set(next.rule.id, next);
      shared.add(source);
      unjudged.add(next);
      continue;
    }
    const filled = fillFrom(source, { entries, isShared: shared.has(source), memory });
    for (const entry of filled) unjudged.add(entry);
  }
  for (const entry of before.windows.values()) if (!shared.has(entry)) entry.groups.close();
  memory.settle();
  return { unjudged, missing };
}

/**
 * True where a rule goes on with the very groups that it had. A rule that others count does not where one of its meaning has
 * forgotten less: they may look back further now, and at a restart it would find what the other one kept.
 */
function isKept(
  { rule }: Windows,
  of: { same: Windows; old: readonly Windows[]; to: ReadonlyMap<string, Windows> },
): boolean {
  const { same, old, to } = of;
  if (same.rule.ruleSem !== rule.ruleSem || isParent({ rule }, to)) return false;
  const isCounted = [...to.values()].some((other) => other.rule.rules.includes(rule.id));
  return !isCounted || same.prunedTo <= fullest(old).prunedTo;
}

/** True for a correlation of correlations: it takes its records only, what children hand on is made anew. */
function isParent({ rule }: Pick<Windows, "rule">, all: ReadonlyMap<string, Windows>): boolean {
  return rule.rules.some((id) => all.get(id)?.isSuppressing === false);
}

/** True where all that a group is kept under stays right, but for what it covers. */
function isRebound(was: Correlation, is: Correlation): boolean {
  if (was.kind !== is.kind || was.judged !== is.judged) return false;
  return was.ruleSem === is.ruleSem || (is.judged === "eager" && is.kind !== "value_sum");
}

/** The same groups under a rule that judges them otherwise: what may hold is looked at, the others stay packed. */
function rebind(entry: Windows, source: Windows): Windows {
  const { intern, groups, slices, inputMs, watermarkMs, prunedTo, evictedMs } = source;
  entry.groups.close();
  groups.rebind(entry.rule);
  groups.eachLikely((group) => {
    group.covered.clear();
    group.chains = null;
    group.slides = null;
  });
  // With the same buckets those that wait for their end go on waiting; one without coverage has nothing to say then.
  const open = source.rule.ruleSem === entry.rule.ruleSem ? source.open : new Map<number, Set<number>>();
  return { ...entry, intern, groups, open, slices, inputMs, watermarkMs, prunedTo, evictedMs };
}

/** Fills windows from old ones of the same meaning, group by group; those that nobody shares go on the way. */
function fillFrom(
  source: Windows,
  to: { readonly entries: readonly Windows[]; readonly isShared: boolean; readonly memory: GroupMemory },
): ReadonlySet<Windows> {
  const filled = new Set<Windows>();
  for (const [at, id] of source.groups.below(Infinity).entries()) {
    if (at % RESTORED_AT_ONCE === 0) to.memory.settle();
    source.groups.lend(id, (group) => {
      const rows = toRows(group, source);
      for (const entry of restoreWindows(rows, to.entries, NO_REST)) filled.add(entry);
      if (!to.isShared) source.groups.remove(group);
    });
  }
  return filled;
}

/** Groups on loan must not be packed. */
const NO_REST = { settle: (): void => undefined };

/** Of rules of one meaning the one that looks back furthest: it has forgotten least. */
function fullest(held: readonly Windows[]): Windows {
  return held.reduce((best, entry) => (entry.prunedTo < best.prunedTo ? entry : best));
}

/** A group as the store would have it: its records. */
function toRows({ key, members, evidence }: Group, { rule: { stateKey }, children }: Windows): DetectorState {
  const records = members.filter(({ step }) => (children[step] ?? null) === null);
  const bySlice = Map.groupBy(records, ({ timeMs }) => Math.floor(timeMs / SLICE_MS));
  return {
    members: [...bySlice].map(([slice, inside]): MemberDelta => ({ stateKey, group: key, slice, members: inside })),
    evidence: [...evidence.values()].flatMap((list): EvidenceDelta[] => list),
  };
}
