/**
 * Leaves about whether a field holds anything: `null`, `exists`, and `fieldref`, which needs two fields to hold something.
 *
 * null: nothing resolves, or nothing but null does. exists: the key stands on some branch, a null value included. These
 * are the only leaves that a missing field can make true. Pure over slots.
 */
import type { Slot } from "./slot.ts";

/** True when the field has no value: missing, null, or an array without any member but null. */
export function isNull(slot: Slot): boolean {
  if (slot.count === 0) return true;
  return slot.many === null ? slot.value === null : slot.many.every((value) => value === null);
}

/** True when the key's presence is as the rule asks. */
export function isPresent(slot: Slot, wanted: boolean): boolean {
  return slot.found === wanted;
}
