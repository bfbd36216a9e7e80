/**
 * The quick look at an ordinary object, as src/lib/split/plain.ts describes it. AssemblyScript, of which
 * tools/make-plain-wasm.ts makes src/lib/split/plain-wasm.ts.
 *
 * One pass over the bytes of an object that vouches for it or gives up. It works on this module's memory alone: the host
 * puts the names of keys and the bytes there, and reads what was found. A position is an address in that memory. Texts
 * are most of a record, and are looked at sixteen bytes at a time. A read may go up to LOOK bytes past the end of the
 * input, never a decision: each is made after comparing with `end`.
 *
 * Followed objects are the item and the object under its inner key; their keys are looked up and none may stand twice.
 */

// Where things stand in memory. The host reads these, so they are told in one place.
/** Codes of keys by slot, i16, −1 where none. */
export const TABLE_AT: i32 = 1024;
export const TABLE_SLOTS: i32 = 512;
/** By code a slot of NAME_BYTES: the name and its closing quote; and at the same place in MASKS_AT 0xff for each of these. */
export const NAMES_AT: i32 = 4096;
export const MASKS_AT: i32 = 8192;
export const NAME_BYTES: i32 = 32;
export const NAMES_MAX: i32 = 64;
/** Length of each name, u8. */
export const LENGTHS_AT: i32 = 12288;
/** By role and code: number of the place that its value has, i8, −1 for none. */
export const PLACE_OF_AT: i32 = 12416;
/** By place: start and end of the value relative to the object, i32; −1 for none. */
export const PLACES_AT: i32 = 12544;
export const PLACES_MAX: i32 = 64;
/**
 * Of the last scan, i32 each: the marks that were seen, as bits; the deepest nesting, the object itself being 1; where it
 * was given up, for near the end of the input more of it may bring more.
 */
export const SEEN_AT: i32 = 13056;
export const DEEPEST_AT: i32 = 13060;
export const STUCK_AT: i32 = 13064;
/** The input, and how much of it there is room for. What may be read behind it is memory, too. */
export const INPUT_AT: i32 = 65536;
export const INPUT_BYTES: i32 = 262144;

/** By role: the code that came next the last time, behind each code and at the start. u8. */
const AFTER_AT: i32 = 13312;
const GUESSES: i32 = NAMES_MAX + 1;
/** Starts and ends of unknown keys that are compared with each other; an object with more is unusual. i32. */
const UNKNOWN_AT: i32 = 13568;
const UNKNOWN_MAX: i32 = 16;

const GIVE_UP: i32 = -1;
const ITEM: i32 = 0;
const INNER: i32 = 1;
const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;
const MINUS: i32 = 0x2d;
const DOT: i32 = 0x2e;
const ZERO: i32 = 0x30;
const COLON: i32 = 0x3a;
const OPEN_ARRAY: i32 = 0x5b;
const BACKSLASH: i32 = 0x5c;
const CLOSE_ARRAY: i32 = 0x5d;
const LETTER_U: i32 = 0x75;
const OPEN_OBJECT: i32 = 0x7b;
const CLOSE_OBJECT: i32 = 0x7d;
/** More digits in a row may be more than a double holds. */
const DIGITS_MAX: i32 = 15;
/** Words of JSON, as their four last bytes (little end first). */
const RUE: i32 = 0x65757274; // "true"
const ALSE: i32 = 0x65736c61; // "alse"
const NULL: i32 = 0x6c6c756e; // "null"

// What the keys mean, told once by `configure`.
let marks: i32 = 0;
let inner: i32 = -1;
let unusual: i32 = 0;
let maxDepth: i32 = 0;

// The object at hand.
let begin: i32 = 0;
let end: i32 = 0;
let seen: i32 = 0;
let deepest: i32 = 0;
let escapes: i32 = 0;
/** The closing quote of the key that `key` looked at. */
let keyEnd: i32 = 0;

export function configure(markCount: i32, innerCode: i32, unusualMarks: i32, depth: i32): void {
  marks = markCount;
  inner = innerCode;
  unusual = unusualMarks;
  maxDepth = depth;
  for (let at = 0; at < 2 * GUESSES; at += 1) store<u8>(AFTER_AT + at, 0);
}

/** Address behind the object that begins at `start`; −1: it is unusual, or not over before `inputEnd`. */
export function scan(start: i32, inputEnd: i32): i32 {
  begin = start;
  end = inputEnd;
  seen = 0;
  deepest = 1;
  memory.fill(PLACES_AT, 0xff, PLACES_MAX * 8);
  const after = followed(start + 1, ITEM);
  store<i32>(SEEN_AT, seen);
  store<i32>(DEEPEST_AT, deepest);
  return after;
}

function giveUp(at: i32): i32 {
  store<i32>(STUCK_AT, at);
  return GIVE_UP;
}

/** A followed object, from behind its bracket; each of these gives the address behind what it followed, or −1. */
function followed(from: i32, role: i32): i32 {
  let codes: u64 = 0;
  let unknown = 0;
  let last = NAMES_MAX;
  let pos = space(from);
  if (pos == GIVE_UP) return GIVE_UP;
  if (load<u8>(pos) == CLOSE_OBJECT) return pos + 1;
  while (pos < end) {
    if (load<u8>(pos) != QUOTE) {
      pos = space(pos);
      if (pos == GIVE_UP) return GIVE_UP;
      if (load<u8>(pos) != QUOTE) return giveUp(pos);
    }
    const start = pos + 1;
    const code = key(start, role * GUESSES + last);
    pos = keyEnd;
    if (pos == GIVE_UP) return GIVE_UP;
    if (code == -1) {
      if ((role == ITEM && hasDot(start, pos)) || !isNew(start, pos, unknown)) return giveUp(pos);
      unknown += 1;
    } else {
      last = code;
      const bit: u64 = (1 as u64) << code;
      if ((codes & bit) != 0) return giveUp(pos);
      codes |= bit;
    }
    pos = colon(pos + 1);
    if (pos == GIVE_UP) return GIVE_UP;
    pos = memberValue(pos, code, role);
    if (pos == GIVE_UP) return GIVE_UP;
    if (pos >= end || load<u8>(pos) != COMMA) {
      pos = space(pos);
      if (pos == GIVE_UP) return GIVE_UP;
      const byte: i32 = load<u8>(pos);
      if (byte == CLOSE_OBJECT) return pos + 1;
      if (byte != COMMA) return giveUp(pos);
    }
    pos += 1;
  }
  return giveUp(pos);
}

/** Code of the key at `start`, −1 for an unknown one; `keyEnd` is then its closing quote, −1 where it has none. */
function key(start: i32, place: i32): i32 {
  const guess: i32 = load<u8>(AFTER_AT + place);
  keyEnd = matchEnd(guess, start);
  if (keyEnd != GIVE_UP) return guess;
  keyEnd = nameEnd(start);
  const code = keyEnd == GIVE_UP ? -1 : find(start, keyEnd);
  if (code != -1) store<u8>(AFTER_AT + place, <u8>code);
  return code;
}

/** The value of a followed object's key. */
function memberValue(from: i32, code: i32, role: i32): i32 {
  const depth = role == ITEM ? 1 : 2;
  if (code == -1) return value(from, depth);
  if (role == ITEM && code < marks) {
    seen |= 1 << code;
    if ((unusual & (1 << code)) != 0) return giveUp(from);
    if (code == inner) return innerValue(from);
  }
  const place: i32 = load<i8>(PLACE_OF_AT + role * NAMES_MAX + code);
  if (place == -1) return value(from, depth);
  const start = space(from);
  if (start == GIVE_UP) return GIVE_UP;
  const before = escapes;
  const after = value(start, depth);
  store<i32>(PLACES_AT + place * 8, start - begin);
  store<i32>(PLACES_AT + place * 8 + 4, after - begin);
  // A placed text is without escapes.
  return escapes == before || load<u8>(start) != QUOTE ? after : giveUp(start);
}

function innerValue(from: i32): i32 {
  const start = space(from);
  if (start == GIVE_UP) return GIVE_UP;
  const byte: i32 = load<u8>(start);
  // An array of identities: rules would see the values of each.
  if (byte == OPEN_ARRAY) return giveUp(start);
  if (byte != OPEN_OBJECT) return value(start, 1);
  return enter(2) ? followed(start + 1, INNER) : giveUp(start);
}

function value(from: i32, depth: i32): i32 {
  const start = space(from);
  if (start == GIVE_UP) return GIVE_UP;
  const byte: i32 = load<u8>(start);
  if (byte == QUOTE) return text(start + 1);
  if (byte == OPEN_OBJECT) return object(start + 1, depth + 1);
  if (byte == OPEN_ARRAY) return array(start + 1, depth + 1);
  return word(start, byte);
}

function object(from: i32, depth: i32): i32 {
  if (!enter(depth)) return giveUp(from);
  let pos = space(from);
  if (pos == GIVE_UP) return GIVE_UP;
  if (load<u8>(pos) == CLOSE_OBJECT) return pos + 1;
  while (pos < end) {
    if (load<u8>(pos) != QUOTE) {
      pos = space(pos);
      if (pos == GIVE_UP) return GIVE_UP;
      if (load<u8>(pos) != QUOTE) return giveUp(pos);
    }
    pos = text(pos + 1);
    if (pos == GIVE_UP) return GIVE_UP;
    pos = colon(pos);
    if (pos == GIVE_UP) return GIVE_UP;
    pos = value(pos, depth);
    if (pos == GIVE_UP) return GIVE_UP;
    if (pos >= end || load<u8>(pos) != COMMA) {
      pos = space(pos);
      if (pos == GIVE_UP) return GIVE_UP;
      const byte: i32 = load<u8>(pos);
      if (byte == CLOSE_OBJECT) return pos + 1;
      if (byte != COMMA) return giveUp(pos);
    }
    pos += 1;
  }
  return giveUp(pos);
}

function array(from: i32, depth: i32): i32 {
  if (!enter(depth)) return giveUp(from);
  let pos = space(from);
  if (pos == GIVE_UP) return GIVE_UP;
  if (load<u8>(pos) == CLOSE_ARRAY) return pos + 1;
  while (pos < end) {
    pos = value(pos, depth);
    if (pos == GIVE_UP) return GIVE_UP;
    if (pos >= end || load<u8>(pos) != COMMA) {
      pos = space(pos);
      if (pos == GIVE_UP) return GIVE_UP;
      const byte: i32 = load<u8>(pos);
      if (byte == CLOSE_ARRAY) return pos + 1;
      if (byte != COMMA) return giveUp(pos);
    }
    pos += 1;
  }
  return giveUp(pos);
}

function enter(depth: i32): bool {
  if (depth > deepest) deepest = depth;
  return depth <= maxDepth;
}

/** A text, from behind its quote. */
function text(from: i32): i32 {
  let pos = from;
  while (true) {
    pos = textRunEnd(pos);
    if (pos >= end) return giveUp(pos);
    const byte: i32 = load<u8>(pos);
    if (byte == QUOTE) return pos + 1;
    if (byte != BACKSLASH) return giveUp(pos);
    pos = escapeEnd(pos);
    if (pos == GIVE_UP) return GIVE_UP;
    escapes += 1;
  }
}

/** Address of the first byte from `from` on that ends or interrupts a text: a quote, a backslash or a control character. */
function textRunEnd(from: i32): i32 {
  let pos = from;
  while (pos < end) {
    const bytes = v128.load(pos);
    const stops = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH))),
      i8x16.lt_u(bytes, i8x16.splat(0x20)),
    );
    const mask = i8x16.bitmask(stops);
    if (mask != 0) return pos + ctz(mask);
    pos += 16;
  }
  return pos;
}

/** Behind the escape whose backslash is at `at`. */
function escapeEnd(at: i32): i32 {
  if (at + 1 >= end) return giveUp(at);
  const letter: i32 = load<u8>(at + 1);
  if (letter != LETTER_U) return isEscaped(letter) ? at + 2 : giveUp(at);
  if (at + 6 > end) return giveUp(at);
  for (let digit = at + 2; digit < at + 6; digit += 1) if (!isHex(load<u8>(digit))) return giveUp(at);
  return at + 6;
}

/** Characters that may follow a backslash, `u` apart: "\/bfnrt */
function isEscaped(letter: i32): bool {
  if (letter == QUOTE || letter == BACKSLASH || letter == 0x2f) return true;
  return letter == 0x62 || letter == 0x66 || letter == 0x6e || letter == 0x72 || letter == 0x74;
}

function isHex(byte: i32): bool {
  const low = (byte | 0x20) - 0x61;
  return isDigit(byte) || (low >= 0 && low < 6);
}

function isDigit(byte: i32): bool {
  return byte >= ZERO && byte <= 0x39;
}

/**
 * Behind the number or literal that begins at `from` with `first`. Given up: none begins there, it is not over before the
 * end, or it is a number that a parser may not take exactly (an exponent, more than DIGITS_MAX digits in a row).
 */
function word(from: i32, first: i32): i32 {
  if (first == 0x74) return load<i32>(from) == RUE ? literal(from, 4) : giveUp(from);
  if (first == 0x66) return load<i32>(from + 1) == ALSE ? literal(from, 5) : giveUp(from);
  if (first == 0x6e) return load<i32>(from) == NULL ? literal(from, 4) : giveUp(from);
  let at = first == MINUS ? from + 1 : from;
  // A leading zero stands alone; what follows it is then no end of a word.
  at = at < end && load<u8>(at) == ZERO ? at + 1 : digitsEnd(at);
  if (at != GIVE_UP && at < end && load<u8>(at) == DOT) at = digitsEnd(at + 1);
  if (at == GIVE_UP) return GIVE_UP;
  return at < end && (load<u8>(at) | 0x20) != 0x65 ? at : giveUp(at);
}

function literal(from: i32, length: i32): i32 {
  return from + length < end ? from + length : giveUp(end);
}

/** Behind a run of digits: at least one, and not too many. */
function digitsEnd(from: i32): i32 {
  let at = from;
  while (at < end && isDigit(load<u8>(at))) at += 1;
  return at == from || at - from > DIGITS_MAX ? giveUp(at) : at;
}

/** Behind white space; given up when nothing but that is left. */
function space(from: i32): i32 {
  return from < end && load<u8>(from) > 0x20 ? from : spaces(from);
}

function spaces(from: i32): i32 {
  let pos = from;
  while (pos < end) {
    const byte: i32 = load<u8>(pos);
    if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return pos;
    pos += 1;
  }
  return giveUp(pos);
}

function colon(from: i32): i32 {
  if (from < end && load<u8>(from) == COLON) return from + 1;
  const pos = space(from);
  if (pos == GIVE_UP) return GIVE_UP;
  return load<u8>(pos) == COLON ? pos + 1 : giveUp(pos);
}

/** The closing quote of the key at `start` if it is the name of `code`, else −1. */
function matchEnd(code: i32, start: i32): i32 {
  const name = NAMES_AT + code * NAME_BYTES;
  const mask = MASKS_AT + code * NAME_BYTES;
  const last = start + <i32>load<u8>(LENGTHS_AT + code);
  const first = v128.and(v128.xor(v128.load(start), v128.load(name)), v128.load(mask));
  if (v128.any_true(first)) return GIVE_UP;
  const second = v128.and(v128.xor(v128.load(start + 16), v128.load(name + 16)), v128.load(mask + 16));
  return v128.any_true(second) || last >= end ? GIVE_UP : last;
}

/** The closing quote of the key at `start`; given up for one with escapes. */
function nameEnd(start: i32): i32 {
  const pos = textRunEnd(start);
  return pos < end && load<u8>(pos) == QUOTE ? pos : giveUp(pos);
}

/** Code of a key, −1 for an unknown one. */
function find(start: i32, last: i32): i32 {
  let slot = slotOf(start, last - start);
  while (true) {
    const code: i32 = load<i16>(TABLE_AT + slot * 2);
    if (code == -1 || matchEnd(code, start) == last) return code;
    slot = (slot + 1) & (TABLE_SLOTS - 1);
  }
}

/**
 * Where a key is looked for first: by its length and three bytes, in which the names of AWS differ. Only names that the
 * host put there stand in the table, so no input makes it slow.
 */
export function slotOf(start: i32, length: i32): i32 {
  if (length == 0) return 0;
  const first: i32 = load<u8>(start);
  const middle: i32 = load<u8>(start + (length >> 1));
  const last: i32 = load<u8>(start + length - 1);
  return (length * 37 + first * 5 + middle * 11 + last * 3) & (TABLE_SLOTS - 1);
}

/** Notes an unknown key; false when an equal one stood in the object before, or there are too many to say. */
function isNew(start: i32, last: i32, count: i32): bool {
  if (count == UNKNOWN_MAX) return false;
  const length = last - start;
  for (let at = 0; at < count; at += 1) {
    const other = UNKNOWN_AT + at * 8;
    if (load<i32>(other + 4) == length && isSame(load<i32>(other), start, length)) return false;
  }
  store<i32>(UNKNOWN_AT + count * 8, start);
  store<i32>(UNKNOWN_AT + count * 8 + 4, length);
  return true;
}

function isSame(one: i32, other: i32, length: i32): bool {
  for (let at = 0; at < length; at += 1) if (load<u8>(one + at) != load<u8>(other + at)) return false;
  return true;
}

function hasDot(start: i32, last: i32): bool {
  for (let at = start; at < last; at += 1) if (load<u8>(at) == DOT) return true;
  return false;
}
