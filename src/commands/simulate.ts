/**
 * `sagewatch simulate`: writes a simulated day of CloudTrail delivery files and an answer file into a folder.
 *
 * Promised: nothing that is there already is changed or removed (a folder with AWSLogs or answers.json in it is refused);
 * the answer file comes last, so its presence says that the run is whole. Files are written one after another and memory
 * stays small. It prints nothing; progress goes to the caller.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { SagewatchError, toMessage } from "../model/errors.ts";
import { toAnswers, type Answers } from "../simulate/answers.ts";
import { parseAttacks } from "../simulate/attacks/catalog.ts";
import type { DeliveryFile } from "../simulate/delivery.ts";
import { createSimulation, DEFAULT_START_MS } from "../simulate/simulation.ts";

/** Options of the command. */
export type SimulateOptions = {
  /** Default 1. */
  readonly seed?: number;
  /** `all` (default), `none`, or names with commas between them. */
  readonly attacks?: string;
  /** Benign records. Default 200,000: a day of five accounts in a stream that is worth the name. */
  readonly records?: number;
  /** Output folder; made when it is not there. */
  readonly out: string;
  /** RFC 3339 time on a full five minutes. Default 2026-03-10T00:00:00Z, a Tuesday. */
  readonly start?: string;
  /** 24 to 720. Default 24. */
  readonly hours?: number;
  /** Told after each file: records done and in all, copies not counted. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two files; what is written so far stays, without an answer file. */
  readonly signal?: AbortSignal;
};

/** What was written. */
export type SimulateSummary = {
  readonly out: string;
  readonly answersPath: string;
  readonly answers: Answers;
  /** Sum of the compressed files. */
  readonly sizeBytes: number;
};

/** Folder below `out` with all record files, and nothing else. */
export const RECORDS_FOLDER = "AWSLogs";
/** Default number of benign records. */
export const DEFAULT_RECORDS = 200_000;

/** Compression level: the files are read once and thrown away, so speed counts and a third more bytes do not. */
const GZIP_LEVEL = 1;

/** After so many files the event loop gets its turn, for signals and a progress bar. */
const FILES_A_TURN = 32;

function startOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_START_MS;
  const startMs = Date.parse(text);
  if (!Number.isNaN(startMs)) return startMs;
  throw new SagewatchError("usage", `simulate: --start "${text}" is not a time; write it like 2026-03-10T00:00:00Z`);
}

/** Makes the folder, or refuses one that holds an earlier run. */
function prepareFolder(out: string): void {
  const taken = [RECORDS_FOLDER, "answers.json"].find((name) => fs.existsSync(path.join(out, name)));
  if (taken !== undefined) {
    throw new SagewatchError(
      "usage",
      `simulate: --out ${out} already has ${taken}; name a new folder or remove it first`,
    );
  }
  try {
    fs.mkdirSync(out, { recursive: true });
  } catch (cause) {
    throw new SagewatchError("usage", `simulate: --out ${out} cannot be made: ${toMessage(cause)}`, { cause });
  }
}

/** Writes one file; `made` remembers the folders that are there. */
function writeFile(out: string, file: DeliveryFile, made: Set<string>): number {
  const target = path.join(out, file.path);
  const folder = path.dirname(target);
  if (!made.has(folder)) fs.mkdirSync(folder, { recursive: true });
  made.add(folder);
  const bytes = gzipSync(`{"Records":[${file.records.map(({ text }) => text).join(",")}]}`, { level: GZIP_LEVEL });
  fs.writeFileSync(target, bytes);
  return bytes.length;
}

/**
 * Writes the files of a simulation.
 * @throws SagewatchError `usage` for options that are wrong or a folder that is taken
 */
export async function runSimulate(options: SimulateOptions): Promise<SimulateSummary> {
  const simulation = createSimulation({
    seed: options.seed ?? 1,
    records: options.records ?? DEFAULT_RECORDS,
    attacks: parseAttacks(options.attacks ?? "all"),
    startMs: startOf(options.start),
    hours: options.hours ?? 24,
  });
  prepareFolder(options.out);
  const made = new Set<string>();
  const written = { records: 0, copies: 0, files: 0, sizeBytes: 0 };
  for (const file of simulation.files()) {
    options.signal?.throwIfAborted();
    written.sizeBytes += writeFile(options.out, file, made);
    written.records += file.records.length;
    written.copies += file.copies;
    written.files += 1;
    options.onProgress?.(written.records - written.copies, simulation.total);
    if (written.files % FILES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const answers = toAnswers(simulation, written);
  const answersPath = path.join(options.out, "answers.json");
  fs.writeFileSync(answersPath, `${JSON.stringify(answers, null, 2)}\n`);
  return { out: options.out, answersPath, answers, sizeBytes: written.sizeBytes };
}
