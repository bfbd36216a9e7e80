/**
 * Splits a stream of JSON into items, unparsed: NDJSON, a document, arrays, `{"Records": [...]}`, any run of these.
 *
 * An item is an object at the top, in a top array, or in the array of a container key. The splitter promises that every
 * byte but white space and punctuation between items lands in exactly one item or fault, that the result does not depend
 * on how the stream was cut into pieces, and that memory stays within `chunkMaxBytes`. It knows no record kind: what an
 * item is, its caller says from the keys seen (scan.ts).
 *
 * Places: GAP between items; ITEM inside one; REST inside a container, behind its array; ATOM in a value that is no
 * object; JUNK in bytes that are no JSON. In GAP, `#expect` says whether a value, a comma or the end may follow.
 * Damage: an item with broken structure in an array is followed by its brackets alone and rejected; where that fails, the
 * rest of the document is one fault. An item at the top is given up to the next line that begins with "{".
 */
import {
  CLOSE_ARRAY,
  COMMA,
  describeAt,
  findAtomEnd,
  findLine,
  NEWLINE,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SPACES,
  WORD_ENDS,
} from "./bytes.ts";
import type { PlainScanner } from "./plain.ts";
import { type ObjectScanner, STEP, type Step } from "./scan.ts";
import type { Scanners } from "./scanners.ts";
import type { Facts, Fault, SplitLimits, SplitSink } from "./types.ts";
import { createWindow, fillWindow, moveWindow, type Window } from "./window.ts";

const [GAP, ITEM, REST, ATOM, JUNK] = [0, 1, 2, 3, 4] as const;
/** What a gap may hold: anything (top), a value or the array's end, a value, a comma or the array's end. */
const [TOP, FIRST, NEXT, AFTER] = [0, 1, 2, 3] as const;
const BOM = [0xef, 0xbb, 0xbf] as const;
/** Times a broken item is tried again from a line start inside it, before the same error: bounds the work on hostile input. */
const LOOK_BACKS = 16;

/** One stream's splitter. A class: hot and stateful. Call `push` for each piece, then `finish` once. */
export class JsonSplitter {
  readonly #sink: SplitSink;
  readonly #limits: SplitLimits;
  readonly #window: Window;
  readonly #plain: PlainScanner;
  readonly #outer: ObjectScanner;
  readonly #inner: ObjectScanner;
  #scan: ObjectScanner;
  #pos = 0;
  #place: number = GAP;
  #expect: number = TOP;
  #inArray = false;
  #inContainer = false;
  /** A line break stood between items of the document: no line of its own, so no going on at the next line. */
  #hasBreak = false;
  /** The same of the gap that is open: it counts once the byte behind it fits. */
  #gapBreak = false;
  /** Of the open item, atom or junk: its offset in the stream, whether its bytes were let go, what is wrong with it. */
  #from = 0;
  #isDropped = false;
  #fault: Fault | null = null;
  #detail = "";
  #isObject = true;
  #isText = false;
  #canResync = true;
  #lastErrorAt = -1;
  #lookBacks = 0;

  constructor(scanners: Scanners, limits: SplitLimits, sink: SplitSink) {
    this.#sink = sink;
    this.#limits = limits;
    this.#window = createWindow();
    this.#plain = scanners.plain;
    this.#outer = scanners.outer;
    this.#inner = scanners.inner;
    this.#scan = this.#outer;
  }

  /** Takes the next piece of the stream; the bytes are copied. Calls the sink for all that became whole. */
  push(input: Uint8Array): void {
    let taken = 0;
    if (this.#window.bytes.length === 0) this.#window.bytes = new Uint8Array(this.#limits.chunkBytes);
    while (taken < input.length) {
      if (this.#window.filled === this.#window.bytes.length) this.#makeRoom();
      taken += fillWindow(this.#window, taken === 0 ? input : input.subarray(taken));
      this.#run();
    }
  }

  /** Takes a whole stream in place of all pieces, the bytes from `from` on: their buffer is the chunk from now on. */
  take(input: Uint8Array<ArrayBuffer>, from = 0): void {
    Object.assign(this.#window, { bytes: new Uint8Array(input.buffer), filled: input.length, start: -from });
    this.#pos = from;
    this.#run();
  }

  /** The chunk in use. Whoever ends the stream takes what is left of it. */
  get chunk(): Uint8Array {
    return this.#window.bytes;
  }

  /** The stream ended; `cut` says why when that was too early. Whatever is open becomes one fault. */
  finish(cut?: string): void {
    while (this.#place === ITEM && cut === undefined && this.#lookBack()) this.#run();
    const isWhole = this.#place === GAP && this.#expect === TOP && this.#pos === this.#window.filled;
    if (!isWhole || cut !== undefined) {
      if (this.#place === GAP || this.#place === REST) this.#open(this.#pos);
      this.#pos = this.#window.filled;
      const fault = this.#fault ?? (this.#isTooLarge() ? "too_big" : "truncated");
      this.#report(cut === undefined ? fault : "cut", cut ?? (this.#detail || "the input ends here"));
    }
  }

  #run(): void {
    while (this.#step());
  }

  /** One step of the machine; false when more bytes are needed. */
  #step(): boolean {
    if (this.#place === GAP) return this.#gap();
    if (this.#place === ITEM) return this.#item();
    if (this.#place === REST) return this.#rest();
    return this.#place === ATOM ? this.#atom() : this.#junk();
  }

  #gap(): boolean {
    const { bytes, filled } = this.#window;
    let pos = this.#pos;
    for (; pos < filled && SPACES[bytes[pos] as number] === 1; pos += 1)
      if (bytes[pos] === NEWLINE) this.#gapBreak = true;
    this.#pos = pos;
    if (pos >= filled) return false;
    const byte = bytes[pos] as number;
    if (this.#expect === TOP) return this.#top(byte);
    const isFit = this.#expect === AFTER ? byte === COMMA : WORD_ENDS[byte] === 0;
    if (!isFit && (byte !== CLOSE_ARRAY || this.#expect === NEXT)) {
      this.#damage();
      return true;
    }
    this.#hasBreak ||= this.#gapBreak;
    this.#gapBreak = false;
    if (byte === CLOSE_ARRAY) this.#closeArray();
    else if (byte === COMMA) {
      this.#expect = NEXT;
      this.#pos += 1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#begin(this.#inContainer ? this.#inner : this.#outer);
    else {
      this.#open(this.#pos);
      this.#place = ATOM;
      this.#isText = byte === QUOTE;
      this.#pos += 1;
    }
    return true;
  }

  #top(byte: number): boolean {
    this.#hasBreak = false;
    this.#gapBreak = false;
    if (byte === OPEN_OBJECT) this.#begin(this.#outer);
    else if (byte === OPEN_ARRAY) {
      this.#inArray = true;
      this.#expect = FIRST;
      this.#pos += 1;
    } else if (byte === BOM[0] && this.#offset() === 0) {
      const { bytes, filled } = this.#window;
      if (filled - this.#pos < 3) return false;
      if (bytes[this.#pos + 1] === BOM[1] && bytes[this.#pos + 2] === BOM[2]) this.#pos += 3;
      else this.#damage();
    } else this.#damage();
    return true;
  }

  #closeArray(): void {
    this.#pos += 1;
    if (this.#inContainer) {
      this.#inContainer = false;
      this.#place = REST;
      this.#outer.resume();
    } else {
      this.#inArray = false;
      this.#expect = TOP;
    }
  }

  #begin(scan: ObjectScanner): void {
    this.#open(this.#pos);
    this.#place = ITEM;
    const { bytes, filled } = this.#window;
    this.#isObject = bytes[this.#pos] === OPEN_OBJECT;
    const end = this.#isObject ? this.#plain.scan(bytes, this.#pos, filled) : -1;
    if (end !== -1 && end - this.#pos <= this.#limits.itemBytes) return this.#give(this.#plain, end);
    this.#scan = scan;
    scan.lineEnds = this.#expect === TOP || !this.#hasBreak;
    scan.bytes = bytes;
    scan.begin(this.#pos);
    this.#pos = scan.pos;
  }

  /** Lets `scan` go on from where the window stands now. */
  #follow(scan: ObjectScanner): Step {
    scan.bytes = this.#window.bytes;
    scan.end = this.#window.filled;
    scan.pos = this.#pos;
    scan.base = this.#from - this.#window.start;
    scan.dropped = this.#isDropped;
    const step = this.#fault === null ? scan.run() : scan.lax();
    this.#pos = scan.pos;
    return step;
  }

  #item(): boolean {
    const step = this.#follow(this.#scan);
    if (step === STEP.more) return false;
    if (step === STEP.end) this.#complete();
    else if (step === STEP.container) this.#enterContainer();
    else if (this.#fault !== null) {
      // Lax, in a document of one line, and a new line begins an object: here it must end.
      this.#pos += 1;
      this.#leaveArrays();
      this.#report(this.#fault, this.#detail);
    } else if (this.#scan.isTooDeep) {
      this.#fault = "too_deep";
      this.#detail = "nested deeper than the limit";
    } else this.#breakItem();
    return true;
  }

  #enterContainer(): void {
    if (this.#place === ITEM) this.#noteBreak();
    this.#isDropped = true;
    this.#inContainer = true;
    this.#place = GAP;
    this.#expect = FIRST;
  }

  #leaveArrays(): void {
    this.#inArray = false;
    this.#inContainer = false;
  }

  #complete(): void {
    if (this.#fault !== null) this.#report(this.#fault, this.#detail);
    else if (!this.#isObject) this.#report("bad_json", "an array where an object should be");
    else if (this.#isTooLarge()) this.#report("too_big", `${this.#offset() - this.#from} bytes`);
    else this.#give(this.#scan, this.#pos);
  }

  /** The open object is an item. */
  #give(scan: Facts, end: number): void {
    const start = this.#from - this.#window.start;
    this.#pos = end;
    this.#noteBreak();
    this.#close();
    if (this.#sink.item({ bytes: this.#window.bytes, start, end: this.#pos, scan })) this.#makeRoom();
  }

  /** The structure of the open item is broken at `#pos`. */
  #breakItem(): void {
    this.#detail = describeAt(this.#window, this.#pos);
    if (this.#lookBack()) return;
    if (this.#expect === TOP) this.#giveUp();
    else {
      this.#fault = "bad_json";
      this.#noteBreak();
    }
  }

  /**
   * A line that was cut short may have taken the next one for its value. Ends the broken item at the first line start
   * inside it, so that the lines behind are read again by themselves.
   */
  #lookBack(): boolean {
    const { bytes, start } = this.#window;
    if (!this.#scan.lineEnds || this.#isTooLarge()) return false;
    if (this.#offset() > this.#lastErrorAt) this.#lookBacks = 0;
    this.#lastErrorAt = Math.max(this.#lastErrorAt, this.#offset());
    const line = findLine(bytes, this.#from - start, Math.min(this.#pos + 1, this.#window.filled));
    if (line === -1 || this.#lookBacks >= LOOK_BACKS) return false;
    this.#lookBacks += 1;
    this.#pos = line;
    this.#leaveArrays();
    this.#report("bad_json", this.#detail || "a new line begins before it ends");
    return true;
  }

  /** The open item becomes junk, to be ended by the next line that begins an object. */
  #giveUp(): void {
    this.#place = JUNK;
    this.#fault = "bad_json";
    this.#canResync = true;
    this.#backToLine();
  }

  /** What stands between items is no JSON: junk to the next line if the document stood on one line, else to the end. */
  #damage(): void {
    const detail = describeAt(this.#window, this.#pos);
    this.#canResync = !this.#hasBreak;
    if (this.#canResync) this.#backToLine();
    this.#open(this.#pos);
    this.#place = JUNK;
    this.#fault = "bad_json";
    this.#detail = detail;
  }

  /** An object that stands where none may, at the start of a line, may be read by itself: its line break ends the junk. */
  #backToLine(): void {
    const { bytes } = this.#window;
    if (bytes[this.#pos] === OPEN_OBJECT && bytes[this.#pos - 1] === NEWLINE) this.#pos -= 1;
  }

  /** What follows a container's array, up to the container's end. */
  #rest(): boolean {
    this.#fault = null;
    // Its first bytes are gone: keys are looked up, not compared.
    this.#isDropped = true;
    const step = this.#follow(this.#outer);
    if (step === STEP.end) this.#close();
    else if (step === STEP.container) this.#enterContainer();
    else if (step !== STEP.more) this.#damage();
    return step !== STEP.more;
  }

  #atom(): boolean {
    const { bytes, filled } = this.#window;
    const end = findAtomEnd(bytes, this.#pos, { filled, isText: this.#isText, lineEnds: !this.#hasBreak });
    this.#pos = end < 0 ? ~end : end;
    // A text that its line cuts short: the next line is read by itself.
    if (this.#isText && bytes[end - 1] === NEWLINE) this.#leaveArrays();
    if (end >= 0) this.#report("bad_json", "a value that is no object");
    return end >= 0;
  }

  #junk(): boolean {
    const { bytes, filled } = this.#window;
    const line = this.#canResync ? findLine(bytes, this.#pos, filled) : -1;
    if (line === -1) {
      // The last byte may be the line break that the next piece completes.
      this.#pos = this.#canResync && bytes[filled - 1] === NEWLINE ? Math.max(this.#pos, filled - 1) : filled;
      return false;
    }
    this.#pos = line;
    this.#leaveArrays();
    this.#report("bad_json", this.#detail);
    return true;
  }

  #offset(): number {
    return this.#window.start + this.#pos;
  }

  /** Whether what is open may have been let go already: that depends on the pieces, so size alone decides. */
  #isTooLarge(): boolean {
    return this.#isDropped || this.#offset() - this.#from > this.#limits.itemBytes;
  }

  #open(pos: number): void {
    this.#from = this.#window.start + pos;
    this.#isDropped = false;
    this.#fault = null;
    this.#detail = "";
  }

  #close(): void {
    this.#place = GAP;
    this.#fault = null;
    this.#detail = "";
    this.#expect = this.#inArray || this.#inContainer ? AFTER : TOP;
  }

  /** Notes a line break inside the open item, if it is the first of its array or holds the array. */
  #noteBreak(): void {
    if (this.#hasBreak || this.#isTooLarge() || this.#expect >= NEXT) return;
    this.#hasBreak = this.#window.bytes.subarray(this.#from - this.#window.start, this.#pos).includes(NEWLINE);
  }

  /** Ends what is open as a fault, at `#pos`. */
  #report(fault: Fault, detail: string): void {
    const { bytes, start } = this.#window;
    const size = this.#offset() - this.#from;
    const kept = !this.#isTooLarge();
    const scan = this.#place === ITEM ? this.#scan : null;
    this.#close();
    const text = `from byte ${this.#from}: ${detail}`;
    const range = kept ? bytes.subarray(this.#from - start, this.#pos) : null;
    if (this.#sink.fault({ fault, detail: text, bytes: range, sizeBytes: size, scan })) this.#makeRoom();
  }

  /** Hands the chunk over and carries on what is still open, unless that grew too large to be kept. */
  #makeRoom(): void {
    const { bytes, filled, start } = this.#window;
    const isOpen = this.#place === ITEM || this.#place === ATOM || this.#place === JUNK;
    if (isOpen && filled - (this.#from - start) > this.#limits.itemBytes) this.#isDropped = true;
    // One byte more than needed: whether it was a line break matters.
    const keep = isOpen && !this.#isDropped ? this.#from - start : Math.max(0, this.#pos - 1);
    const reuse = !this.#sink.handOver(bytes);
    if (reuse) this.#plain.forget();
    moveWindow(this.#window, keep, { reuse, limits: this.#limits });
    this.#pos -= keep;
  }
}
