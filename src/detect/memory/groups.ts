/**
 * The memory of all groups: the few that are in use as objects on the heap, the many that wait as packed bytes outside it.
 *
 * A flood makes a million groups of one member each; as objects they take 3 KiB a group, packed a tenth of that. A group
 * is unpacked when it is touched, stays on the heap while it is used, and is packed again by `settle`, after the commit's
 * deltas were drawn: the longest unused ones first, so that few active groups are never packed at all. Large groups stay
 * on the heap. Whoever gets a group from here may hold it until the next `settle` and no longer. Bytes are counted for
 * each group as it stands, and `overflow` names those that must go when a cap is passed; what going means is not known here.
 */
import type { Correlation } from "../../sigma/ast.ts";
import { createGroup, type Group } from "../group.ts";
import { slideBytes } from "../judging/slide.ts";
import { PIECE_MAX } from "./arena.ts";
import { type Columns, createColumns, freeRow, ON_HEAP, ROW_BYTES, takeRow } from "./columns.ts";
import { createPacked } from "./packed.ts";
import { PROGRESS_FULL, toNeed, toProgress, toProgressMost } from "./progress.ts";
import { createUsage, type Excess, type MemoryCaps, type Usage } from "./usage.ts";
import { findVictims } from "./victims.ts";

export type MemoryOptions = MemoryCaps & {
  /** Two random words, so that strangers cannot choose keys that meet in the table (hash.ts). */
  readonly seed: readonly [number, number];
  /** Groups on the heap above which `settle` packs the longest unused. The active groups of a busy day fit into 4,096. */
  readonly heapGroups: number;
};

/**
 * Caps: what a small container has beside the engine, with room for a million waiting groups. A rule or an account may
 * take four fifths: one flood never takes all, and where there is one of them only, little is lost.
 */
export const DEFAULT_MEMORY: MemoryOptions = {
  maxBytes: 512 * 1024 * 1024,
  ruleShare: 0.8,
  accountShare: 0.8,
  seed: [0, 0],
  heapGroups: 4096,
};

/** Their bytes above which it does so, too. */
const HEAP_BYTES = 32 * 1024 * 1024;
/** Larger groups stay on the heap: packing costs by the member. */
const PACK_MAX = 128;
/**
 * What the engine takes beside the groups as they are counted: garbage between two collections, texts in the making, the
 * store's cache. Measured with `npm run flood`. It is part of `maxBytes`, so that the process keeps to that; of a small one
 * a quarter.
 */
const WORKING_BYTES = 144 * 1024 * 1024;
/** Number of a group that was removed. */
const GONE = -1;

/** The groups of one rule. */
export type Groups = {
  /** The rule's number, by which `ruleOf` names it. */
  readonly number: number;
  /** The group of a key, made when there is none. */
  open(key: string): Group;
  /** The group of a key, null when there is none. */
  find(key: string): Group | null;
  /** Lends a group by its number; it is packed again at once if it was. */
  lend(id: number, use: (group: Group) => void): void;
  /** Lends each group that may hold, packed or not, and every other one that is on the heap. */
  eachLikely(use: (group: Group) => void): void;
  /** Numbers of the groups with a member below the slice. */
  below(slice: number): number[];
  /** Forgets a group that is lent or on the heap. */
  remove(group: Group): void;
  /** The rule judges otherwise from now on; groups that may hold now are likely from now on. Its state key is the same. */
  rebind(rule: Correlation): void;
  /** Forgets all groups; none will come, and the rule's number may be given to another. */
  close(): void;
};

/** Groups over a cap. All are of one rule and account where the cap is theirs. */
export type Overflow = Excess & { readonly ids: readonly number[] };

export type GroupMemory = {
  groups(rule: Correlation, sliceMs: number): Groups;
  /** Packs what was not used for long. Groups that were given out are no longer valid. */
  settle(): void;
  /** The groups that must go now; call again once they are gone. Null when all is within the caps. */
  overflow(): Overflow | null;
  ruleOf(id: number): number;
  accountOf(id: number): string;
  size(): ReturnType<Usage["total"]>;
  /** Bytes of the rule of this number. */
  bytesOf(rule: number): number;
};

type Place = { readonly rule: number; readonly account: number };
type Kept = {
  readonly rule: Correlation;
  readonly need: number;
  readonly sliceMs: number;
  readonly heap: Map<string, Group>;
};

function toBudget({ maxBytes, ...shares }: MemoryCaps): MemoryCaps {
  return { ...shares, maxBytes: maxBytes - Math.min(WORKING_BYTES, maxBytes / 4) };
}

export function createGroupMemory(options: MemoryOptions): GroupMemory {
  const [rules, vacant]: [Kept[], number[]] = [[], []];
  const columns = createColumns();
  const packed = createPacked(columns, options.seed);
  const usage = createUsage(toBudget(options));
  /** On the heap by number, longest unused first; those too large to pack apart. */
  const heap = new Map<number, Group>();
  const large = new Map<number, Group>();
  let [heapBytes, touched]: [number, Group[]] = [0, []];

  const keptOf = (id: number): Kept => rules[columns.rule[id] as number] as Kept;
  const onHeap = (id: number): Group | undefined => heap.get(id) ?? large.get(id);
  const touch = (group: Group): Group => {
    if (group.use === 2) return group;
    group.use = 2;
    touched.push(group);
    return group;
  };
  const setBytes = (id: number, bytes: number): void => {
    const more = bytes - (columns.bytes[id] as number);
    columns.bytes[id] = bytes;
    if (heap.has(id)) heapBytes += more;
    usage.add(place(id), { bytes: more, groups: 0, members: 0 });
  };
  const place = (id: number): Place => ({ rule: columns.rule[id] as number, account: columns.account[id] as number });
  const putOnHeap = (group: Group): void => {
    heap.set(group.id, group);
    heapBytes += columns.bytes[group.id] as number;
    keptOf(group.id).heap.set(group.key, group);
  };
  const takeOffHeap = (group: Group): void => {
    if (heap.delete(group.id)) heapBytes -= columns.bytes[group.id] as number;
    else large.delete(group.id);
    keptOf(group.id).heap.delete(group.key);
  };
  /** Brings the columns up to what the group has become. */
  const note = (group: Group): void => {
    const { id, members } = group;
    const [first] = members;
    if (first === undefined || id === GONE) return;
    columns.slice[id] = Math.floor(first.timeMs / keptOf(id).sliceMs);
    const more = members.length - (columns.members[id] as number);
    columns.members[id] = members.length;
    const account = usage.account(first.accountId);
    if (columns.account[id] !== account) move(id, account);
    usage.add(place(id), { bytes: 0, groups: 0, members: more });
    setBytes(id, group.bytes + slideBytes(group) + ROW_BYTES);
    const isLarge = members.length > PACK_MAX;
    if (isLarge && heap.delete(id)) {
      heapBytes -= columns.bytes[id] as number;
      large.set(id, group);
    } else if (!isLarge && group.bytes < PIECE_MAX && large.delete(id)) {
      heap.set(id, group);
      heapBytes += columns.bytes[id] as number;
    }
  };
  const move = (id: number, account: number): void => {
    const [bytes, members] = [columns.bytes[id] as number, 0];
    usage.add({ rule: columns.rule[id] as number, account }, { bytes, groups: 1, members });
    usage.add(place(id), { bytes: -bytes, groups: -1, members });
    columns.account[id] = account;
  };
  const noteTouched = (): void => {
    const noted = touched;
    touched = [];
    for (const group of noted) {
      group.use = 1;
      note(group);
    }
  };
  const create = (rule: number, key: string): Group => {
    const group = createGroup(key);
    const id = takeRow(columns);
    group.id = id;
    columns.rule[id] = rule;
    columns.at[id] = ON_HEAP;
    columns.account[id] = usage.account("");
    columns.members[id] = columns.bytes[id] = columns.progress[id] = 0;
    columns.slice[id] = Infinity;
    usage.add(place(id), { bytes: 0, groups: 1, members: 0 });
    setBytes(id, group.bytes + ROW_BYTES);
    putOnHeap(group);
    return group;
  };
  const pack = (group: Group): boolean => {
    const { id } = group;
    const { rule, need } = keptOf(id);
    const bytes = packed.put(group, columns.rule[id] as number);
    if (bytes === null) return false;
    columns.progress[id] = toProgress(group, rule, need);
    takeOffHeap(group);
    setBytes(id, bytes + ROW_BYTES);
    return true;
  };
  const unpack = (id: number): Group => {
    const group = packed.take(id, keptOf(id).rule.stateKey);
    putOnHeap(group);
    setBytes(id, group.bytes + ROW_BYTES);
    return group;
  };
  const forget = (id: number): void => {
    const [bytes, members] = [columns.bytes[id] as number, columns.members[id] as number];
    usage.add(place(id), { bytes: -bytes, groups: -1, members: -members });
    freeRow(columns, id);
  };
  const remove = (group: Group): void => {
    takeOffHeap(group);
    forget(group.id);
    group.id = GONE;
  };
  const lend = (id: number, use: (group: Group) => void): void => {
    const held = onHeap(id);
    const group = held ?? unpack(id);
    use(group);
    if (group.id === GONE) return;
    if (held !== undefined) touch(held);
    else {
      note(group);
      pack(group);
    }
  };
  const groupsOf = (rule: number, own: Map<string, Group>): Groups => ({
    number: rule,
    close: () => {
      for (const group of own.values()) remove(group);
      for (const id of idsBelow(columns, rule, Infinity)) {
        packed.drop(id);
        forget(id);
      }
      vacant.push(rule);
    },
    open: (key) => {
      const held = own.get(key);
      if (held !== undefined) return touch(held);
      const id = packed.find(rule, key);
      if (id !== -1) return touch(unpack(id));
      return touch(create(rule, key));
    },
    find: (key) => {
      const held = own.get(key);
      if (held !== undefined) return touch(held);
      const id = packed.find(rule, key);
      return id === -1 ? null : touch(unpack(id));
    },
    lend,
    eachLikely: (use) => {
      for (const id of idsLikely(columns, rule)) lend(id, use);
    },
    below: (slice) => {
      noteTouched();
      return idsBelow(columns, rule, slice);
    },
    remove,
    rebind: (next) => {
      rules[rule] = rebound(columns, rule, { ...(rules[rule] as Kept), rule: next, need: toNeed(next) });
    },
  });
  return {
    groups: (rule, sliceMs) => {
      const own = new Map<string, Group>();
      const number = vacant.pop() ?? rules.length;
      rules[number] = { rule, need: toNeed(rule), sliceMs, heap: own };
      return groupsOf(number, own);
    },
    settle: () => {
      noteTouched();
      let left = 2 * heap.size;
      for (const [id, group] of heap) {
        if ((heap.size <= options.heapGroups && heapBytes <= HEAP_BYTES) || left === 0) break;
        left -= 1;
        if (group.use === 0 && pack(group)) continue;
        // Used not long ago, or too large: to the end of the queue, or out of it.
        heap.delete(id);
        if (group.use > 0) {
          group.use = 0;
          heap.set(id, group);
        } else {
          heapBytes -= columns.bytes[id] as number;
          large.set(id, group);
        }
      }
    },
    overflow: () => {
      noteTouched();
      const excess = usage.excess(packed.sharedBytes());
      if (excess === null) return null;
      for (const held of [heap, large]) lookAgain(columns, held, keptOf);
      return { ...excess, ids: findVictims(columns, excess) };
    },
    ruleOf: (id) => columns.rule[id] as number,
    accountOf: (id) => usage.accountId(columns.account[id] as number),
    bytesOf: (rule) => usage.ofRule(rule),
    size: () => {
      noteTouched();
      return usage.total();
    },
  };
}

/** Numbers of a rule's groups with a member below the slice. */
function idsBelow(columns: Columns, rule: number, slice: number): number[] {
  const found: number[] = [];
  for (let id = 0; id < columns.end; id += 1)
    if (columns.rule[id] === rule && (columns.slice[id] as number) < slice) found.push(id);
  return found;
}

/** Numbers of a rule's groups that may hold, and of every other one that is on the heap. */
function idsLikely(columns: Columns, rule: number): number[] {
  const found: number[] = [];
  for (let id = 0; id < columns.end; id += 1)
    if (columns.rule[id] === rule && (columns.at[id] === ON_HEAP || columns.progress[id] === PROGRESS_FULL))
      found.push(id);
  return found;
}

/** Brings the progress of groups on the heap up to what they have become. */
function lookAgain(columns: Columns, held: ReadonlyMap<number, Group>, keptOf: (id: number) => Kept): void {
  for (const [id, group] of held) {
    const { rule, need } = keptOf(id);
    columns.progress[id] = toProgress(group, rule, need);
  }
}

/** Progress of a rule's packed groups towards another need, from above; whoever held stays likely: there is something to undo. */
function rebound(columns: Columns, number: number, kept: Kept): Kept {
  for (let id = 0; id < columns.end; id += 1) {
    if (columns.rule[id] !== number || columns.progress[id] === PROGRESS_FULL) continue;
    columns.progress[id] = toProgressMost(columns.members[id] as number, kept.rule, kept.need);
  }
  return kept;
}
