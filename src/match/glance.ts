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
import { createByteTexts } from "../lib/byte-text.ts";
import type { Event, JsonObject, Kind } from "../model/event.ts";
import { type GlanceForm, UNKNOWN_ROW } from "../model/glance.ts";
import type { CompiledRules } from "../sigma/compile.ts";
import type { Glance } from "../sigma/glance.ts";

/** Gives the event time, epoch ms, of a record that no rule can match; NaN for one that must be parsed. */
export type PassOver = (index: number) => number;

const QUOTE = 0x22;
const PARSE_ALL: PassOver = () => Number.NaN;

/** Makes the look at one batch after another. The function given is valid until the next call. */
export function createPassOver(
  rules: CompiledRules,
  decoders: Readonly<Partial<Record<Kind, Decoder>>>,
): (batch: Batch, nowMs: number | null) => PassOver {
  const looks = new Map<Kind, Look | null>();
  return (batch, nowMs) => {
    const { kind, chunk, glances, offsets } = batch;
    if (glances === undefined || glances === null || offsets.length === 0) return PARSE_ALL;
    const form = decoders[kind]?.glance;
    if (form === undefined) return PARSE_ALL;
    let look = looks.get(kind);
    if (look === undefined) {
      look = createLook(rules, kind, form);
      looks.set(kind, look);
    }
    // Records begin and end on ASCII: where the whole is valid, each of them is.
    if (look === null || !isUtf8(chunk.subarray(offsets[0], offsets.at(-1)))) return PARSE_ALL;
    const { mayMatch, width } = look;
    return (index) => {
      const row = index * width;
      if (glances[row] === UNKNOWN_ROW) return Number.NaN;
      const timeMs = form.toTimeMs(chunk, glances, row);
      // The decoder says how far ahead of the clock is too far.
      if (nowMs !== null && timeMs > nowMs) return Number.NaN;
      return Number.isNaN(timeMs) || mayMatch(chunk, glances, row) ? Number.NaN : timeMs;
    };
  };
}

type Look = {
  /** Numbers in a row. */
  readonly width: number;
  readonly mayMatch: (chunk: Uint8Array, glances: Int32Array, row: number) => boolean;
};

function createLook(rules: CompiledRules, kind: Kind, form: GlanceForm): Look | null {
  const glance = rules.glance(`aws/${kind}`, form.fields);
  if (glance === null) return null;
  const { event, setters } = createSketch(kind, glance);
  const toText = createByteTexts();
  const places = glance.fields.map((field) => 2 * form.fields.indexOf(field));
  const mayMatch: Look["mayMatch"] = (chunk, glances, row) => {
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
  return { width: 2 * form.fields.length, mayMatch };
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
