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
  const glance = rules.glance(`aws/${kind}`, form.fields);
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
  const early = [...glance.fields, ...glance.guarded];
  const { event, setters } = createSketch(
    kind,
    early,
    glance.more.map((field) => ({ field, read: () => read(placeOf(field)) })),
  );
  const places = early.map(placeOf);
  const known = createMemory<readonly number[]>(form, glance.fields);
  const opened = createMemory<boolean>(form, glance.guarded);
  const guardedFrom = glance.fields.length;
  const setFrom = (from: number): void => {
    for (let index = from; index < places.length; index += 1) setters[index]?.(read(places[index] ?? 0));
  };
  /** Where the first look found no rule: whether one with a guard may match. */
  const isOpen = (): boolean => {
    const { chunk, glances, at } = row;
    const before = opened.get(chunk, glances, at);
    if (before !== undefined) return before;
    setFrom(guardedFrom);
    const found = glance.isOpen(event);
    opened.set(chunk, glances, { row: at, found });
    return found;
  };
  return (chunk, glances, at) => {
    const alike = known.get(chunk, glances, at);
    row.chunk = chunk;
    row.glances = glances;
    row.at = at;
    try {
      if (alike?.length === 0 && (guardedFrom === places.length || !isOpen())) return false;
      setFrom(0);
      const candidates = alike ?? glance.candidates(event);
      if (alike === undefined) known.set(chunk, glances, { row: at, found: candidates });
      return glance.mayMatch(event, candidates);
    } catch {
      // Whatever a rule stumbles over, the record is judged as all records are, and one that fails is rejected there.
      return true;
    }
  };
}

/** A memory for records that are alike in these fields: by their number where there is one for them, else by their bytes. */
function createMemory<T>({ fields, numbered }: GlanceForm, wanted: readonly string[]): Alike<T> | Numbered<T> {
  const list = numbered.findIndex((one) => wanted.every((field) => one.includes(field)));
  const by = 2 * fields.length;
  if (list !== -1) return new Numbered({ by, number: by + 1 + list });
  return new Alike(wanted.map((field) => 2 * fields.indexOf(field)));
}

type Setter = (value: Json | undefined) => void;
type Fields = Record<string, Json | undefined>;

/**
 * An event whose record has the fields of the glance only; a value that is undefined counts as missing. One for all.
 * `late`: read when they are asked for.
 */
function createSketch(
  kind: Kind,
  early: readonly string[],
  late: readonly { readonly field: string; readonly read: () => Json | undefined }[],
): { readonly event: Event; readonly setters: readonly Setter[] } {
  const record: Record<string, Json | undefined | Fields> = {};
  /** Where a field stands: in the record, or in an object of it. */
  const stand = (field: string): { readonly holder: Fields; readonly key: string } => {
    const dot = field.indexOf(".");
    if (dot === -1) return { holder: record as Fields, key: field };
    const parent = field.slice(0, dot);
    const holder = (record[parent] ?? {}) as Fields;
    record[parent] = holder as JsonObject;
    return { holder, key: field.slice(dot + 1) };
  };
  const setters = early.map((field): Setter => {
    const { holder, key } = stand(field);
    holder[key] = undefined;
    return (value) => void (holder[key] = value);
  });
  for (const { field, read } of late) {
    const { holder, key } = stand(field);
    Object.defineProperty(holder, key, { get: read, enumerable: true });
  }
  const event: Event = {
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
  return { event, setters };
}
