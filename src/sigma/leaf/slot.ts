/**
 * A slot: what one field of the current event resolves to, found at most once an event however many leaves read it.
 *
 * Slots live as long as the compiled rules and are used again for every event, so matching allocates next to nothing.
 * Lower-casing and the JSON text of an object happen at most once a value and event. A slot is valid for the epoch it
 * was read in. Synchronous, for one event at a time.
 */
import type { Event, Json, JsonObject } from "../../model/event.ts";
import { isObject } from "../../lib/json.ts";
import { fold, toScalarText } from "./fold.ts";
import { compilePath } from "./path.ts";

/** A field of the current event. `value` is meant only when `many` is null and `count` is 1. */
export type Slot = {
  readonly field: string;
  /** Epoch of the last read; the evaluator compares it. */
  epoch: number;
  found: boolean;
  readonly isWhole: false;
  /** Number of values after flattening. */
  count: number;
  value: Json;
  /** All values when there are several, else null. */
  many: Json[] | null;
  folded: string | null;
  manyTexts: ObjectTexts[] | null;
  objectTexts: ObjectTexts | null;
  add(value: Json): void;
};

/** Texts of one value: for scalars one, for objects every scalar leaf below and the compact JSON. */
export type ObjectTexts = { readonly value: Json; readonly raw: readonly string[]; folded: readonly string[] | null };

/** Reads a field of an event: a path of the record, or a declared field computed before the match. */
export type FieldReader = (event: Event, slot: Slot) => void;

/** Depth to which texts inside objects and keywords are sought; decoders refuse records that nest deeper. */
export const TEXT_DEPTH_MAX = 64;

/** An empty slot for `field`. */
export function createSlot(field: string): Slot {
  const slot: Slot = {
    field,
    epoch: 0,
    found: false,
    isWhole: false,
    count: 0,
    value: null,
    many: null,
    folded: null,
    manyTexts: null,
    objectTexts: null,
    add: (value) => {
      if (slot.count === 0) slot.value = value;
      else if (slot.many === null) slot.many = [slot.value, value];
      else slot.many.push(value);
      slot.count += 1;
    },
  };
  return slot;
}

/** Reader of a record's field, or of `compute` where the field is declared: null is a missing field, an array several values. */
export function compileReader(field: string, compute: ((event: Event) => Json) | null): FieldReader {
  if (compute !== null) {
    return (event, slot) => {
      const value = compute(event);
      slot.found = value !== null;
      if (Array.isArray(value)) for (const member of value as readonly Json[]) slot.add(member);
      else if (value !== null) slot.add(value);
    };
  }
  const read = compilePath(field);
  const [outer = "", inner, ...others] = field.split(".");
  const isInherited = [field, outer, inner ?? outer].some((key) => key in Object.prototype);
  if (isInherited || outer === "" || others.length > 0) return (event, slot) => read(event.record, slot);
  // Most fields that rules read first are scalars of the record itself, or of an object of it.
  if (inner !== undefined) {
    return ({ record }, slot) => {
      const holder = record[field] === undefined ? record[outer] : undefined;
      const value = isObject(holder) ? holder[inner] : undefined;
      if (value !== undefined && (typeof value !== "object" || value === null)) setOnly(slot, value);
      else read(record, slot);
    };
  }
  return ({ record }, slot) => {
    const value = record[field];
    if (value === undefined) return;
    if (typeof value === "object" && value !== null) read(record, slot);
    else setOnly(slot, value);
  };
}

/** Gives an empty slot its one value. */
function setOnly(slot: Slot, value: Json): void {
  slot.found = true;
  slot.count = 1;
  slot.value = value;
}

/** Makes the slot empty for a new event. */
export function clearSlot(slot: Slot, epoch: number): void {
  slot.epoch = epoch;
  slot.found = false;
  slot.count = 0;
  slot.many = null;
  slot.folded = null;
  slot.manyTexts = null;
  slot.objectTexts = null;
}

/** The folded text of a slot whose one value is a text. */
export function foldedOf(slot: Slot, text: string): string {
  slot.folded ??= fold(text);
  return slot.folded;
}

/** Texts of the one value of a slot that is no text. */
export function textsOf(slot: Slot): ObjectTexts {
  slot.objectTexts ??= toTexts(slot.value);
  return slot.objectTexts;
}

/** Texts of each value of a slot with several values. */
export function textsOfMany(slot: Slot, many: readonly Json[]): readonly ObjectTexts[] {
  slot.manyTexts ??= many.map(toTexts);
  return slot.manyTexts;
}

/** Folded texts of a value, made once. */
export function foldedTexts(texts: ObjectTexts): readonly string[] {
  texts.folded ??= texts.raw.map(fold);
  return texts.folded;
}

function toTexts(value: Json): ObjectTexts {
  const scalar = toScalarText(value);
  if (scalar !== null) return { value, raw: [scalar], folded: null };
  if (value === null) return { value, raw: [], folded: null };
  const raw: string[] = [];
  collectTexts(value, raw, 0);
  raw.push(JSON.stringify(value));
  return { value, raw, folded: null };
}

/** Appends the text of every scalar at any depth below `value`, without keys and nulls. */
export function collectTexts(value: Json, into: string[], depth: number): void {
  const scalar = toScalarText(value);
  if (scalar !== null) into.push(scalar);
  else if (value !== null && depth < TEXT_DEPTH_MAX) {
    const members = Array.isArray(value) ? (value as readonly Json[]) : Object.values<Json>(value as JsonObject);
    for (const member of members) collectTexts(member, into, depth + 1);
  }
}
