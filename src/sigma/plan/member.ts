/**
 * Runs the part of a rule that is about members of an array: the same leaves as ever, reading one member after another.
 *
 * A member is read as an event of its own, with slots of its own, so values of two members never mix. Only arrays have
 * members: any other value at the field has none, and the quantifier says what that means. Linear in the size of the
 * array; state never outlives the call.
 */
import type { Json } from "../../model/event.ts";
import type { LeafInput } from "../leaf/compile-leaf.ts";
import { createKeywordTexts } from "../leaf/keyword.ts";
import { compilePath } from "../leaf/path.ts";
import { clearSlot, createSlot, type Slot } from "../leaf/slot.ts";
import type { Selector } from "../ast.ts";

/** Where leaves read from: a record, or a member that `enter` has made the current one. */
export type MemberScope = {
  readonly input: LeafInput;
  readonly current: () => Json;
  enter(member: Json): void;
};

/** A scope without a member yet. */
export function createMemberScope(): MemberScope {
  const slots = new Map<string, () => Slot>();
  const keywords = createKeywordTexts();
  let current: Json = null;
  let epoch = 0;
  const slot = (field: string): (() => Slot) => {
    const known = slots.get(field);
    if (known !== undefined) return known;
    const made = createSlot(field);
    const read = compilePath(field);
    const fill = (): Slot => {
      if (made.epoch !== epoch) {
        clearSlot(made, epoch);
        read(current, made);
      }
      return made;
    };
    slots.set(field, fill);
    return fill;
  };
  return {
    input: { slot, keywordTexts: (cased) => keywords.texts(current, cased) },
    current: () => current,
    enter: (member) => {
      current = member;
      keywords.clear();
      epoch = epoch === Number.MAX_SAFE_INTEGER ? 1 : epoch + 1;
    },
  };
}

/** Gives the arrays that stand at a field of a record: several where arrays lie on the way. */
export function compileArrays(field: string): (record: Json) => readonly (readonly Json[])[] {
  const read = compilePath(field);
  return (record) => {
    const arrays: (readonly Json[])[] = [];
    read(record, {
      found: false,
      isWhole: true,
      add: (value) => {
        if (Array.isArray(value)) arrays.push(value as readonly Json[]);
      },
    });
    return arrays;
  };
}

/** The truth of `which` over the members, given the truth of one. */
export function quantify(
  which: Selector,
  arrays: readonly (readonly Json[])[],
  holds: (member: Json) => boolean,
): boolean {
  if (typeof which === "number") {
    return arrays.some((array) => {
      const at = which < 0 ? array.length + which : which;
      const member = array[at];
      return member !== undefined && holds(member);
    });
  }
  const isMet = arrays.some((array) => array.some((member) => holds(member) === (which === "any" || which === "none")));
  // For `all` a member that does not hold was sought.
  if (which === "any") return isMet;
  return !isMet && (which !== "all" || arrays.some((array) => array.length > 0));
}
