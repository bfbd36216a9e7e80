/**
 * What happens when the memory of groups passes a cap: the least advanced groups go, and it is told.
 *
 * Rules of one meaning have the group each for itself, and it goes where it is least advanced: a rule that looks back for a
 * day must not lose a slow attack because one of five minutes sees little of it. They share its stored rows: those that none
 * of them has any more go with it, and a restart does not bring them back. An alert that it made stays as it is; a last draft makes it final, so that the group, should it begin
 * anew, cannot make it say less. A large group that holds is not evicted but thinned (thin.ts). Below the caps nothing here
 * does anything (C5, C8).
 */
import type { GroupEviction } from "../contracts.ts";
import type { StatePressure } from "../model/watch/pressure.ts";
import type { Group } from "./group.ts";
import type { GroupMemory } from "./memory/groups.ts";
import { thinGroup } from "./thin.ts";
import { forgetGroup, noteMembers, SLICE_MS, type Windows } from "./windows.ts";

/** The groups that went since the last drain. */
export type Eviction = {
  /** Evicts until all is within its caps. `close` is called for each bucket of a group that goes whose alert is not final. */
  run(close: (group: Group, at: { entry: Windows; bucket: number }) => void): void;
  drain(): { readonly evictions: readonly GroupEviction[]; readonly pressure: readonly StatePressure[] };
};

/** Victims between two looks at what can be packed: groups of other rules that were looked at stay on the heap until then. */
const EVICTED_AT_ONCE = 1000;

type Told = { scope: StatePressure["scope"]; groups: number; thinned: number; accounts: Map<string, number> };

/** `memory` holds the groups of `windows` and of nothing else. */
export function createEviction(windows: readonly Windows[], memory: GroupMemory): Eviction {
  let evictions: GroupEviction[] = [];
  const told = new Map<string, Told>();
  const byNumber = new Map(windows.map((entry) => [entry.groups.number, entry]));
  const siblings = new Map<string, Windows[]>();
  for (const entry of windows) siblings.set(entry.rule.stateKey, [...(siblings.get(entry.rule.stateKey) ?? []), entry]);
  const tell = (ruleId: string, { scope }: Pick<StatePressure, "scope">, account: string): Told => {
    const rule = told.get(ruleId) ?? { scope, groups: 0, thinned: 0, accounts: new Map<string, number>() };
    told.set(ruleId, rule);
    rule.accounts.set(account, (rule.accounts.get(account) ?? 0) + 1);
    return rule;
  };
  const thin = (entry: Windows, group: Group): boolean => {
    const gone = thinGroup(group, entry.rule, SLICE_MS);
    for (const [slice, count] of gone ?? []) noteMembers(entry, slice, -count);
    return gone !== null;
  };
  /** Slices in which only this rule has something of the group. */
  const ownSlices = (entry: Windows, victim: Group): number[] => {
    const { stateKey } = entry.rule;
    const others = (siblings.get(stateKey) ?? []).filter((sibling) => sibling !== entry);
    const held = new Set(others.flatMap(({ groups }) => slicesOf(groups.find(victim.key))));
    return slicesOf(victim).filter((slice) => !held.has(slice));
  };
  return {
    run: (close) => {
      for (let over = memory.overflow(); over !== null && over.ids.length > 0; over = memory.overflow()) {
        for (const [at, id] of over.ids.entries()) {
          const entry = byNumber.get(memory.ruleOf(id)) as Windows;
          const account = memory.accountOf(id);
          entry.groups.lend(id, (victim) => {
            if (thin(entry, victim)) {
              tell(entry.rule.id, over, account).thinned += 1;
              return;
            }
            const slices = ownSlices(entry, victim);
            if (slices.length > 0) evictions.push({ stateKey: entry.rule.stateKey, group: victim.key, slices });
            for (const bucket of victim.covered.keys()) close(victim, { entry, bucket });
            entry.evictedMs = Math.max(entry.evictedMs, victim.members.at(-1)?.timeMs ?? -Infinity);
            forgetGroup(entry, victim);
            tell(entry.rule.id, over, account).groups += 1;
          });
          if (at % EVICTED_AT_ONCE === EVICTED_AT_ONCE - 1) memory.settle();
        }
      }
    },
    drain: () => {
      const pressure = [...told].map(([ruleId, { scope, groups, thinned, accounts }]): StatePressure => {
        const [accountId] = [...accounts].reduce((most, next) => (next[1] > most[1] ? next : most));
        return { ruleId, scope, accountId, accounts: accounts.size, groups, thinned };
      });
      const drained = { evictions, pressure };
      evictions = [];
      told.clear();
      return drained;
    },
  };
}

/** Slices in which a group may have rows: those of its members, and of evidence that is kept longer. */
function slicesOf(group: Pick<Group, "members" | "evidence"> | null): number[] {
  if (group === null) return [];
  return [...new Set([...group.members.map(({ timeMs }) => Math.floor(timeMs / SLICE_MS)), ...group.evidence.keys()])];
}
