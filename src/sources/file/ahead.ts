/**
 * Reads small files ahead in a thread of its own, so that reading, unpacking and splitting the next ones goes on while the
 * main thread matches and commits.
 *
 * Only work moves: what is read, in which order it is given out, and every message to people stay with the main thread. It
 * is asked file by file, and reads a file itself where there is no answer: while the thread still starts, when a file
 * turned out to be none for it, or when the thread broke. Memory is bounded by the questions that are open or not taken yet.
 * Few files are not worth a thread.
 */
import { nextTurn } from "../../lib/clock.ts";
import type { FoundFile } from "./list.ts";
import { isSmall } from "./read.ts";
import { type AheadFile, type AheadResult, type AheadSettings, takeThread } from "./thread.ts";

/** Answers for the files of one run, asked in their order. */
export type Ahead = {
  take(file: FoundFile): Promise<AheadResult>;
  close(): Promise<void>;
};

/** Fewer files are read before the thread has started: that takes some 60 ms. */
const FILES_MIN = 200;
/** Files of one question: a message costs some 30 µs on either side. */
const QUESTION_FILES = 128;
/** Of the first, whose answer is waited for. The next have twice as many each: the thread is about twice as fast as what takes. */
const FIRST_FILES = 20;
/** Packed bytes of one question: with files of usual size about 2 MiB unpacked. */
const QUESTION_BYTES = 512 * 1024;
/** Questions open at a time, beside the one that is being taken: the thread has work during a commit of 10 ms. */
const QUESTIONS_OPEN = 3;
const TURN_FILES = 16;

/** For runs in which nothing is read ahead. */
const NOTHING_AHEAD: Ahead = { take: () => Promise.resolve(null), close: () => Promise.resolve() };

/**
 * Begins to read `files` ahead, which `take` is then called for in this order (some may be left out). Those that `mayJoin`
 * may come in one answer with their neighbours, and none of them may be left out.
 */
export function readAhead(files: readonly FoundFile[], settings: AheadSettings & { mayJoin?: MayJoin }): Ahead {
  const { mayJoin = () => false, source, limits } = settings;
  const places = toPlaces(files);
  if (places.size < FILES_MIN) return NOTHING_AHEAD;
  const thread = takeThread();
  /** By each file of a question: the results that were not taken yet, by their first file. */
  const answers = new Map<FoundFile, Promise<Map<FoundFile, AheadResult>>>();
  /** First file that is neither asked for nor taken. */
  let next = 0;
  let most = FIRST_FILES;
  /** Behind each question of which something is not taken yet: the first file that is not in it. */
  const ends: number[] = [];
  const ask = (): void => {
    const { asked, end } = toQuestion(files, next, { most, mayJoin });
    next = end;
    most = Math.min(2 * most, QUESTION_FILES);
    if (asked.length === 0) return;
    const wanted = asked.map(({ file: { path, sizeBytes }, follows }): AheadFile => ({ path, sizeBytes, follows }));
    const answer = thread.read(wanted, { source, limits }).then((results) => byFirstFile(asked, results));
    for (const { file } of asked) answers.set(file, answer);
    ends.push(end);
  };
  return {
    take: async (file) => {
      const at = places.get(file);
      if (at === undefined) return null;
      next = Math.max(next, at + (answers.has(file) ? 0 : 1));
      while (ends[0] !== undefined && ends[0] <= at) ends.shift();
      while (thread.isReady() && next < files.length && ends.length <= QUESTIONS_OPEN && thread.open() < QUESTIONS_OPEN)
        ask();
      // Where the thread keeps up nothing is ever waited for, and timers, signals and its answers must have their turn.
      if (at % TURN_FILES === 0) await nextTurn();
      const answer = answers.get(file);
      answers.delete(file);
      const results = await answer;
      const result = results?.get(file) ?? null;
      // Not only its name: those that came with it are never taken, and theirs would keep its bytes until the run ends.
      results?.delete(file);
      return result;
    },
    close: () => thread.close(),
  };
}

type MayJoin = (file: FoundFile) => boolean;

/** Places of those files that the thread can read. */
function toPlaces(files: readonly FoundFile[]): Map<FoundFile, number> {
  const places = new Map<FoundFile, number>();
  for (const [at, file] of files.entries()) if (isSmall(file)) places.set(file, at);
  return places;
}

/** A file that is asked for. `follows` as in AheadFile. */
type AskedFile = { readonly file: FoundFile; readonly follows: boolean };

function byFirstFile(asked: readonly AskedFile[], results: readonly AheadResult[]): Map<FoundFile, AheadResult> {
  const found = new Map<FoundFile, AheadResult>();
  let at = 0;
  for (const result of results) {
    const first = asked[at]?.file;
    if (first !== undefined) found.set(first, result);
    at += 1 + (result?.starts.length ?? 0);
  }
  return found;
}

/** The files from `from` on that make one question, at most `most`, and where the next one begins. */
function toQuestion(
  files: readonly FoundFile[],
  from: number,
  { most, mayJoin }: { readonly most: number; readonly mayJoin: MayJoin },
): { readonly asked: readonly AskedFile[]; readonly end: number } {
  const asked: AskedFile[] = [];
  let [end, bytes] = [from, 0];
  for (; end < files.length && asked.length < most && bytes < QUESTION_BYTES; end += 1) {
    const [before, file] = [files[end - 1], files[end] as FoundFile];
    if (!isSmall(file)) continue;
    asked.push({ file, follows: before !== undefined && isSmall(before) && mayJoin(before) && mayJoin(file) });
    bytes += file.sizeBytes;
  }
  return { asked, end };
}
