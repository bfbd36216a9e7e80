/**
 * The thread that looks at files and reads small ones beside the main one: how it is asked, and who has it.
 *
 * Starting one and warming its code take as long as reading thousands of files, so the thread of a run that is over waits for
 * the next one. It ends by itself when nothing comes (ahead-worker.ts), and keeps no process alive but while a run has it.
 */
import { Worker } from "node:worker_threads";
import type { RecordLimits } from "../records/batches.ts";
import type { JointResult } from "./joint.ts";

/** What the thread is told of a run, and of each file. */
export type AheadSettings = { readonly source: string; readonly limits: RecordLimits };
/** `follows`: it may be put into one batch with the file before it. */
export type AheadFile = { readonly path: string; readonly sizeBytes: number; readonly follows: boolean };
/** What it is asked: to read files, or only to look at them. */
export type AheadQuestion =
  | (AheadSettings & { readonly files: readonly AheadFile[] })
  | { readonly paths: readonly string[] };
/** A file's batches, or its one batch with those of files that follow it, which are then not asked for. Null: read it here. */
export type AheadResult = JointResult | null;
/** Of each path inode, size and time of change (ms), one behind the other; NaN for what is no plain file or cannot be looked at. */
export type Looks = Float64Array;
export const LOOK_WIDTH = 3;

/** Answers come in the order of the questions; a thread that broke gives empty ones. */
export type Thread = {
  isReady(): boolean;
  /** Questions without an answer yet. */
  open(): number;
  /** Results in the order of the files. */
  read(files: readonly AheadFile[], settings: AheadSettings): Promise<readonly AheadResult[]>;
  look(paths: readonly string[]): Promise<Looks>;
  /** Taken into use: the process lives until it is closed. */
  hold(): void;
  /** Ends it, or leaves it for the next run where nothing is open. */
  close(): Promise<void>;
};

/** Heap of the thread in MiB. Chunks lie outside it; one that needs more is given up, and reading goes on without. */
const HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 };
/** Looks open at a time: the asker looks by itself meanwhile. */
const LOOKS_OPEN = 2;

/** The thread that no run has. */
let parked: Thread | null = null;
/** The last one broke before it was ready, or could not be started: looking starts none then, reading does. */
let isBroken = false;

/** The one there is, or a new one; where none can be started one that is never ready. */
export function takeThread(): Thread {
  const thread = parked ?? startThread();
  parked = null;
  thread.hold();
  return thread;
}

/**
 * Looks at many paths beside the main thread; null where the thread has enough to do or still starts: look here. Where so
 * many files lie there are mostly some to be read, for which a thread will be wanted: where none is free one is started.
 */
export function lookBeside(paths: readonly string[]): Promise<Looks> | null {
  if (parked === null && !isBroken) parked = startThread();
  return parked !== null && parked.isReady() && parked.open() < LOOKS_OPEN ? parked.look(paths) : null;
}

type Answer = readonly AheadResult[] | Looks;

/** No thread: a limit on threads or a permission may forbid one. */
const NO_THREAD: Thread = {
  isReady: () => false,
  open: () => 0,
  read: () => Promise.resolve([]),
  look: () => Promise.resolve(new Float64Array(0)),
  hold: () => undefined,
  close: () => Promise.resolve(),
};

function startThread(): Thread {
  // Beside this file and with its ending: .ts in a checkout, .js when built.
  const file = new URL(import.meta.url.replace(/thread\.(\w+)$/, "ahead-worker.$1"));
  try {
    return createThread(new Worker(file, { resourceLimits: HEAP }));
  } catch {
    isBroken = true;
    return NO_THREAD;
  }
}

function createThread(worker: Worker): Thread {
  const waiting: ((answer: Answer | null) => void)[] = [];
  let isReady = false;
  const stop = (): void => {
    isReady = false;
    if (parked === thread) parked = null;
    for (const resolve of waiting.splice(0)) resolve(null);
  };
  worker.on("message", (message: "ready" | Answer) => {
    if (message !== "ready") waiting.shift()?.(message);
    else {
      isReady = true;
      isBroken = false;
    }
  });
  // Whatever broke, the main thread meets it again by itself if it has to do with a file.
  worker.on("error", () => {
    isBroken ||= !isReady;
    stop();
  });
  worker.on("exit", stop);
  worker.unref();
  const ask = async <T extends Answer>(question: AheadQuestion, none: T): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    waiting.push(resolve);
    worker.postMessage(question, []);
    return ((await promise) ?? none) as T;
  };
  const thread: Thread = {
    isReady: () => isReady,
    open: () => waiting.length,
    read: (files, settings) => ask<readonly AheadResult[]>({ ...settings, files }, []),
    look: async (paths) => {
      worker.ref();
      const looks = await ask({ paths }, new Float64Array(0));
      if (parked === thread && waiting.length === 0) worker.unref();
      return looks;
    },
    hold: () => worker.ref(),
    close: async () => {
      if (isReady && waiting.length === 0 && parked === null) {
        parked = thread;
        worker.unref();
        return;
      }
      stop();
      await worker.terminate();
    },
  };
  return thread;
}
