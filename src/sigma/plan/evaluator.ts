/**
 * Runs plans on events: one epoch an event, slots and leaves filled in at most once in it.
 *
 * Every leaf has one cell that holds the epoch it was last evaluated in and its answer, so a leaf shared by fifty rules is
 * evaluated once. Closures throughout, no generated code. State never outlives the event; one event at a time.
 */
import type { Event, Json } from "../../model/event.ts";
import { compileLeaf } from "../leaf/compile-leaf.ts";
import { createKeywordTexts } from "../leaf/keyword.ts";
import { clearSlot, compileReader, createSlot, type Slot } from "../leaf/slot.ts";
import { compileArrays, createMemberScope, type MemberScope, quantify } from "./member.ts";
import type { PlanLeaf, PlanMember, PlanNode } from "./normalise.ts";

/** A field computed from the event before the match. */
export type ComputeField = (event: Event) => Json;

/** Runs plans on one event after another. */
export type Evaluator = {
  /** Makes `event` the current one. */
  begin(event: Event): void;
  /** Reads a field of the current event. */
  slot(field: string): () => Slot;
  /** Compiles a plan to a test of the current event. */
  program(node: PlanNode): () => boolean;
};

/** Epochs take 30 bits of a cell, the answer one. */
const EPOCH_MAX = 2 ** 30 - 1;

/** Creates an evaluator for the given leaves. `compute` finds the function of a declared field, null for a record's path. */
export function createEvaluator(
  leaves: Iterable<PlanLeaf>,
  compute: (field: string) => ComputeField | null,
): Evaluator {
  const slots = new Map<string, { slot: Slot; read: () => Slot }>();
  const keywords = createKeywordTexts();
  const shared = [...leaves].filter((leaf) => leaf.uses > 1);
  const cellOf = new Map(shared.map((leaf, index) => [leaf.key, index] as const));
  const cells = new Int32Array(shared.length);
  const programs = new Map<string, () => boolean>();
  let current: Event | null = null;
  let epoch = 0;

  const slot = (field: string): (() => Slot) => {
    const known = slots.get(field);
    if (known !== undefined) return known.read;
    const made = createSlot(field);
    const fill = compileReader(field, compute(field));
    const read = (): Slot => {
      if (made.epoch !== epoch && current !== null) {
        clearSlot(made, epoch);
        fill(current, made);
      }
      return made;
    };
    slots.set(field, { slot: made, read });
    return read;
  };

  const begin = (event: Event): void => {
    current = event;
    keywords.clear();
    if (epoch === EPOCH_MAX) {
      cells.fill(0);
      for (const { slot: used } of slots.values()) used.epoch = 0;
      epoch = 0;
    }
    epoch += 1;
  };

  const keywordTexts = (cased: boolean): readonly string[] =>
    current === null ? [] : keywords.texts(current.record, cased);

  const leafProgram = (leaf: PlanLeaf): (() => boolean) => {
    const known = programs.get(leaf.key);
    if (known !== undefined) return known;
    const test = compileLeaf(leaf.field, leaf.test, { slot, keywordTexts });
    const cell = cellOf.get(leaf.key);
    const made =
      cell === undefined
        ? test
        : (): boolean => {
            const state = cells[cell] ?? 0;
            if (state >> 1 === epoch) return (state & 1) === 1;
            const answer = test();
            cells[cell] = (epoch << 1) | (answer ? 1 : 0);
            return answer;
          };
    programs.set(leaf.key, made);
    return made;
  };

  const top = (): Json => current?.record ?? null;
  return { begin, slot, program: (node) => compileNode(node, leafProgram, top) };
}

/** Joins the tests of leaves to that of the whole; `root` is what the fields of this level are read from. */
function compileNode(node: PlanNode, leafTest: (leaf: PlanLeaf) => () => boolean, root: () => Json): () => boolean {
  const inner = (child: PlanNode): (() => boolean) => compileNode(child, leafTest, root);
  switch (node.op) {
    case "const": {
      const { value } = node;
      return () => value;
    }
    case "leaf":
      return leafTest(node);
    case "not": {
      const negated = inner(node.of);
      return () => !negated();
    }
    case "member":
      return compileMember(node, createMemberScope(), root);
    case "and":
      return all(node.of.map(inner));
    case "or":
      return any(node.of.map(inner));
  }
}

function compileMember(node: PlanMember, scope: MemberScope, root: () => Json): () => boolean {
  const arraysOf = compileArrays(node.field);
  const test = compileNode(node.of, (leaf) => compileLeaf(leaf.field, leaf.test, scope.input), scope.current);
  const holds = (member: Json): boolean => {
    scope.enter(member);
    return test();
  };
  return () => quantify(node.which, arraysOf(root()), holds);
}

function all(tests: readonly (() => boolean)[]): () => boolean {
  const [first, second] = tests;
  if (tests.length === 2 && first !== undefined && second !== undefined) return () => first() && second();
  return () => {
    for (let index = 0; index < tests.length; index += 1) if (tests[index]?.() !== true) return false;
    return true;
  };
}

function any(tests: readonly (() => boolean)[]): () => boolean {
  const [first, second] = tests;
  if (tests.length === 2 && first !== undefined && second !== undefined) return () => first() || second();
  return () => {
    for (let index = 0; index < tests.length; index += 1) if (tests[index]?.() === true) return true;
    return false;
  };
}
