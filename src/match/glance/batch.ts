/**
 * Which records of a batch need not be parsed: those that no rule can match, by the few fields that were seen of them.
 *
 * Parsing and decoding took four fifths of matching, and most records match nothing. A record is passed over only where
 * its glance promises all that decoding would find: it is JSON and valid UTF-8 (the source looked), and has a time in the
 * plain form. Everything else, and whatever a rule may match, is parsed as if there were no glances: the outcome is the
 * same, and a property test holds it so.
 */
import type { Batch, Decoder } from "../../contracts.ts";
import { Alike } from "../../lib/alike.ts";
import type { Event, Json, JsonObject, Kind } from "../../model/event.ts";
import { type GlanceForm, type Glances, UNKNOWN_ROW } from "../../model/glance.ts";
import type { CompiledRules } from "../../sigma/compile.ts";
import { createByteTexts } from "./byte-text.ts";
import { Numbered } from "./numbered.ts";

/** What the glances of one batch tell of its records. */
export type BatchGlance = {
  /** Event time, epoch ms, of a record that no rule can match; NaN for one that must be parsed. */
  passedTimeMs(index: number): number;
  /** As in Arrival. */
  isPlain(index: number): boolean;
};

const QUOTE = 0x22;
const NOTHING_KNOWN: BatchGlance = { passedTimeMs: () => Number.NaN, isPlain: () => false };

/** Makes the look at one batch after another. */
export function createBatchGlances(
  rules: CompiledRules,
  decoders: Readonly<Partial<Record<Kind, Decoder>>>,
): (batch: Batch, nowMs: number | null) => BatchGlance {
  // Made here and not with the first batch: it takes milliseconds, as all compiling of rules.
  const looks = new Map(
    (Object.keys(decoders) as Kind[]).flatMap((kind) => {
      const form = decoders[kind]?.glance;
      return form === undefined ? [] : [[kind, { form, look: createLook(rules, kind, form) }] as const];
    }),
  );
  return (batch, nowMs) => {
    const { kind, chunk, glances, offsets } = batch;
    if (glances === undefined || glances === null || offsets.length === 0) return NOTHING_KNOWN;
    const made = looks.get(kind);
    if (made === undefined) return NOTHING_KNOWN;
    const { form, look } = made;
    const { width } = form;
    const isPlain = (index: number): boolean => glances[index * width] !== UNKNOWN_ROW;
    if (look === null) return { ...NOTHING_KNOWN, isPlain };
    return {
      isPlain,
      passedTimeMs: (index) => {
        const row = index * width;
        if (glances[row] === UNKNOWN_ROW) return Number.NaN;
        const timeMs = form.toTimeMs(chunk, glances, row);
        // The decoder says how far ahead of the clock is too far.
        if (nowMs !== null && timeMs > nowMs) return Number.NaN;
        return Number.isNaN(timeMs) || look(chunk, glances, row) ? Number.NaN : timeMs;
      },
    };
  };
}

/** Whether a rule may match the record of a row. */
type Look = (chunk: Uint8Array, glances: Int32Array, row: number) => boolean;

function createLook(rules: CompiledRules, kind: Kind, form: GlanceForm): Look | null {
  const glance = rules.glance(`aws/${kind}`, form.fields, form.numbered.flat());
  if (glance === null) return null;
  const toText = createByteTexts();
  const row: { chunk: Uint8Array; glances: Glances; at: number } = {
    chunk: new Uint8Array(0),
    glances: new Int32Array(0),
    at: 0,
  };
  /** The value of a field of the current row, undefined where it is missing. */
  const read = (place: number): Json | undefined => {
    const start = row.glances[row.at + place] as number;
    if (start === -1) return undefined;
    const end = row.glances[row.at + place + 1] as number;
    if (row.chunk[start] === QUOTE) return toText(row.chunk, start + 1, end - 1);
    return JSON.parse(Buffer.from(row.chunk.buffer, row.chunk.byteOffset + start, end - start).toString()) as Json;
  };
  const placeOf = (field: string): number => 2 * form.fields.indexOf(field);
  const event = createSketch(kind, [...glance.fields, ...glance.guarded, ...glance.more], (field) => {
    const place = placeOf(field);
    return () => read(place);
  });
  /** What `find` says of the current row, remembered for all rows that are alike in these fields. */
  const remember = <Of, Found>(fields: readonly string[], find: (of: Of) => Found): ((of: Of) => Found) => {
    const memory = createMemory<Found>(form, fields);
    return (of) => {
      const { chunk, glances, at } = row;
      const before = memory.get(chunk, glances, at);
      if (before !== undefined) return before;
      const found = find(of);
      memory.set(chunk, glances, { row: at, found });
      return found;
    };
  };
  const candidatesOf = remember(glance.fields, (of: Event) => glance.candidates(of));
  const mayMatchSteady = remember(glance.steady, (steady: readonly number[]) => glance.mayMatch(event, steady));
  const isOpen = remember(glance.guarded, (of: Event) => glance.isOpen(of));
  return (chunk, glances, at) => {
    row.chunk = chunk;
    row.glances = glances;
    row.at = at;
    try {
      const { steady, others } = candidatesOf(event);
      if (steady.length > 0 && mayMatchSteady(steady)) return true;
      if (others.length > 0 && glance.mayMatch(event, others)) return true;
      return glance.guarded.length > 0 && isOpen(event) && glance.mayMatchOpen(event);
    } catch {
      // Whatever a rule stumbles over, the record is judged as all records are, and one that fails is rejected there.
      return true;
    }
  };
}

/** A memory for records that are alike in these fields: by their numbers where there are some for all of them, else by their bytes. */
function createMemory<T>({ fields, numbered }: GlanceForm, wanted: readonly string[]): Alike<T> | Numbered<T> {
  const by = 2 * fields.length;
  const isAsked = numbered.map((list) => list.some((field) => wanted.includes(field)));
  if (wanted.every((field) => numbered.some((list) => list.includes(field))))
    return new Numbered({ by, numbers: isAsked.flatMap((is, list) => (is ? [by + 1 + list] : [])) });
  return new Alike(wanted.map((field) => 2 * fields.indexOf(field)));
}

type Fields = Record<string, Json | undefined>;

/**
 * An event whose record has the fields of the glance only, each read when it is asked for; a value that is undefined counts
 * as missing. One for all records: `readerOf` gives what reads a field of the current one.
 */
function createSketch(
  kind: Kind,
  fields: readonly string[],
  readerOf: (field: string) => () => Json | undefined,
): Event {
  const record: Record<string, Json | undefined | Fields> = {};
  for (const field of fields) {
    const dot = field.indexOf(".");
    const parent = field.slice(0, Math.max(dot, 0));
    if (dot !== -1) record[parent] ??= {};
    const holder = dot === -1 ? record : (record[parent] as Fields);
    Object.defineProperty(holder, field.slice(dot + 1), { get: readerOf(field), enumerable: true });
  }
  return {
    provider: "aws",
    kind,
    logsource: `aws/${kind}`,
    key: "",
    eventId: "",
    version: 0,
    timeMs: 0,
    accountId: "",
    region: "",
    principal: { id: "", name: "", kind: "unknown", session: "" },
    evidence: { action: "", ip: "", agent: "", error: "", target: "" },
    flags: [],
    record: record as JsonObject,
  };
}
