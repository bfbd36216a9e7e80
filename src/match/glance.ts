/**
 * Which records of a batch need not be parsed: those that no rule can match, by the few fields that were seen of them.
 *
 * Parsing and decoding took four fifths of matching, and most records match nothing. A record is passed over only where
 * its glance promises all that decoding would find: it is JSON (the source looked), valid UTF-8 (looked at here, once a
 * batch), and has a time in the plain form. Everything else, and whatever a rule may match, is parsed as if there were no
 * glances: the outcome is the same, and a property test holds it so.
 */
import { isUtf8 } from "node:buffer";
import type { Batch, Decoder } from "../contracts.ts";
import type { Event, JsonObject, Kind } from "../model/event.ts";
import { type GlanceForm, UNKNOWN_ROW } from "../model/glance.ts";
import type { CompiledRules } from "../sigma/compile.ts";
import type { Glance } from "../sigma/glance.ts";
import { createByteTexts } from "./byte-text.ts";

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
  const looks = new Map<Kind, Look | null>();
  return (batch, nowMs) => {
    const { kind, chunk, glances, offsets } = batch;
    if (glances === undefined || glances === null || offsets.length === 0) return NOTHING_KNOWN;
    const form = decoders[kind]?.glance;
    if (form === undefined) return NOTHING_KNOWN;
    let look = looks.get(kind);
    if (look === undefined) {
      look = createLook(rules, kind, form);
      looks.set(kind, look);
    }
    // Records begin and end on ASCII: where the whole is valid, each of them is.
    if (!isUtf8(chunk.subarray(offsets[0], offsets.at(-1)))) return NOTHING_KNOWN;
    const width = 2 * form.fields.length;
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
  const { event, setters } = createSketch(kind, glance);
  const toText = createByteTexts();
  const places = glance.fields.map((field) => 2 * form.fields.indexOf(field));
  return (chunk, glances, row) => {
    for (let at = 0; at < places.length; at += 1) {
      const place = row + (places[at] ?? 0);
      const start = glances[place] as number;
      // Not a text: rules have their own ways with such values.
      if (start !== -1 && chunk[start] !== QUOTE) return true;
      const end = (glances[place + 1] as number) - 1;
      setters[at]?.(start === -1 ? undefined : toText(chunk, start + 1, end));
    }
    return glance.mayMatch(event);
  };
}

type Setter = (value: string | undefined) => void;

/** An event whose record has the fields of the glance only; a value that is undefined counts as missing. One for all. */
function createSketch(kind: Kind, glance: Glance): { readonly event: Event; readonly setters: readonly Setter[] } {
  const record: Record<string, string | undefined | Record<string, string | undefined>> = {};
  const setters = glance.fields.map((field): Setter => {
    const dot = field.indexOf(".");
    if (dot === -1) return (value) => void (record[field] = value);
    const [parent, child] = [field.slice(0, dot), field.slice(dot + 1)];
    const inner = (record[parent] ?? {}) as Record<string, string | undefined>;
    record[parent] = inner;
    return (value) => void (inner[child] = value);
  });
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
