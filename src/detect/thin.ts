/**
 * Thinning: a large group that must not go, because it has reached its rule's condition, gives up the events that its
 * verdicts can do without.
 *
 * Of each slice the first and the last members stay, as many as the condition needs, and of value_count the first and the
 * last of each value: the count in any window is then as high as before, up to the limit. What an alert says of the number
 * of events is approximate from then on. Done only when memory is at a cap (C8).
 */
import type { Member } from "../contracts.ts";
import { EVENT_IDS_MAX } from "../model/alert.ts";
import type { Correlation } from "../sigma/ast.ts";
import { addMember, type Group, measure } from "./group.ts";
import { toNeed } from "./memory/progress.ts";

/** Smaller groups give little, and so does one of which less than this share could go. */
const [THINNED_FROM, LEAST_SHARE] = [1000, 1 / 16];

/** Thins a group; how many members went of each slice, or null when it would not be worth it or cannot be done for its rule. */
export function thinGroup(group: Group, rule: Correlation, sliceMs: number): Map<number, number> | null {
  const { members } = group;
  const isThinnable = rule.kind === "event_count" || rule.kind === "value_count";
  // Events that stand at several times, as alerts of another correlation do, are not told by their places.
  if (group.spread > 0 && rule.kind === "event_count") return null;
  if (!isThinnable || rule.judged !== "eager" || rule.timespanMs < sliceMs || members.length < THINNED_FROM)
    return null;
  const keep = Math.max(toNeed(rule), EVENT_IDS_MAX);
  const kept = findKept(members, { rule, keep, sliceMs });
  if (members.length - kept.length < members.length * LEAST_SHARE) return null;
  const stays = new Set(kept);
  const gone = new Map<number, number>();
  for (const member of members) {
    if (stays.has(member)) continue;
    const slice = Math.floor(member.timeMs / sliceMs);
    gone.set(slice, (gone.get(slice) ?? 0) + 1);
  }
  rebuild(group, kept);
  group.thinned ??= new Map();
  for (const [slice, count] of gone) group.thinned.set(slice, (group.thinned.get(slice) ?? 0) + count);
  return gone;
}

function findKept(
  members: readonly Member[],
  { rule, keep, sliceMs }: { rule: Correlation; keep: number; sliceMs: number },
): Member[] {
  const kept: Member[] = [];
  for (let from = 0; from < members.length;) {
    const slice = Math.floor((members[from] as Member).timeMs / sliceMs);
    let to = from;
    while (to < members.length && Math.floor((members[to] as Member).timeMs / sliceMs) === slice) to += 1;
    const inSlice = members.slice(from, to);
    const [first, last] = [new Map<string | null, Member>(), new Map<string | null, Member>()];
    if (rule.kind === "value_count") {
      for (const member of inSlice) {
        if (!first.has(member.value)) first.set(member.value, member);
        last.set(member.value, member);
      }
    }
    const named = new Set([...first.values(), ...last.values()]);
    kept.push(...inSlice.filter((member, i) => i < keep || i >= inSlice.length - keep || named.has(member)));
    from = to;
  }
  return kept;
}

/** The group with these members only; judged as it is. */
function rebuild(group: Group, kept: readonly Member[]): void {
  group.members.length = 0;
  group.echoes.length = 0;
  group.spread = 0;
  group.identities = null;
  group.negatives = null;
  group.chains = null;
  group.slides = null;
  for (const member of kept) addMember(group, member);
  group.dirtyFromMs = Infinity;
  group.dirtyToMs = -Infinity;
  measure(group);
}
