/**
 * One reading of the past: a historic run in a detector and a state file of its own, beside the live run or without one.
 *
 * Its state folder is named by what is read and by the rules, and lies in the state folder of the daemon: a run that was
 * ended, by kill -9 too, goes on there when it is asked for again. It has no sinks. What it found is handed over when all
 * was read (merge.ts), and then the folder goes. Signals of it are kept from metrics, which speak of the live run.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { AdapterConfig } from "../../config/adapters.ts";
import { loadEngineVersion } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import { sha256Hex } from "../../lib/canonical.ts";
import { systemClock } from "../../lib/clock.ts";
import { SagewatchError, type Warn } from "../../model/errors.ts";
import type { Emit, SignalType } from "../../model/signal.ts";
import type { Past, PastLimits, PastPlan, PastProgress, PastSpan } from "../../sources/past/past.ts";
import type { Paces } from "../../sources/poll/pace.ts";
import { createPast, type SourceConfig } from "../../sources/registry.ts";
import { openStore } from "../../store/store.ts";
import { createEngine } from "../engine.ts";
import type { Rules } from "../rules.ts";
import { type RunSummary, runStore } from "../run-store.ts";
import { type Times, widen } from "./span.ts";

/** What is asked for. `source` null: every source that reads S3, else every one that asks LookupEvents. */
export type PastRequest = PastSpan & { readonly source: string | null; readonly limits: PastLimits };

/** Needs of a reading. */
export type PastParts = {
  readonly config: Config;
  readonly rules: Rules;
  readonly paces: Paces;
  readonly emit: Emit;
  readonly signal: AbortSignal;
};

/** A source and how its past is read. */
export type PastSource = { readonly name: string; readonly past: Past };

/** A reading that came to its end. */
export type PastResult = { readonly dir: string; readonly read: Times; readonly summary: RunSummary };

/** Folder of the readings in the state folder. */
const PAST_FOLDER = "backfill";

/** Signals that a reading gives: what a person has to know of it. */
const TOLD: ReadonlySet<SignalType> = new Set(["source_warning", "state_pressure", "store_full", "store_failed"]);
/** Share of the memory for correlations: the live run has its own, and a reading is of a part of the time. */
const MEMORY_SHARE = 0.25;
const KEPT_MS = 7 * 86_400_000;
const MEMORY_LEAST_BYTES = 16 * 1024 * 1024;

/** The sources that a request means. Errors by code: not_found, usage. */
export function choosePast({ source }: Pick<PastRequest, "source">, parts: PastParts): readonly PastSource[] {
  const { config, paces, emit } = parts;
  const all = config.sources.flatMap((settings): readonly PastSource[] => {
    const warn: Warn = (detail, code) =>
      emit({ type: "source_warning", source: settings.name, code: code ?? "odd_input", detail });
    const deps = { clock: systemClock, limits: config.limits, paces, warn };
    const past = createPast(settings as SourceConfig & AdapterConfig, deps);
    return past === null ? [] : [{ name: settings.name, past }];
  });
  if (source === null) {
    const ofObjects = all.filter(({ past }) => past.by === "s3");
    if (all.length > 0) return ofObjects.length > 0 ? ofObjects : all;
    const message =
      "no source can read its past: give an `sqs-s3` source its `trails`, a `bedrock-log` its `logs`, or add one of type `cloudtrail-lookup`";
    throw new SagewatchError("usage", message);
  }
  const found = all.find(({ name }) => name === source);
  if (found !== undefined) return [found];
  const known = all.map(({ name }) => name).join(", ") || "none";
  const isThere = config.sources.some(({ name }) => name === source);
  if (!isThere)
    throw new SagewatchError("not_found", `there is no source ${JSON.stringify(source)}; with a past: ${known}`);
  const message = `the source ${JSON.stringify(source)} cannot read its past; those that can: ${known}`;
  throw new SagewatchError("usage", message);
}

/** What the reading would take, by source. Errors by code: those of choosePast and of Past.plan. */
export async function planPast(
  request: PastRequest,
  parts: PastParts,
): Promise<readonly (PastPlan & Times & { readonly source: string; readonly by: Past["by"] })[]> {
  const read = widen(request, parts.rules.ruleSet, systemClock.nowMs());
  const span = { ...request, ...read };
  const plans = choosePast(request, parts).map(async ({ name, past }) => ({
    source: name,
    by: past.by,
    ...read,
    ...(await past.plan(span, request.limits, parts.signal)),
  }));
  return Promise.all(plans);
}

/**
 * Reads the past to its end; null when `signal` aborted before. Errors by code: those of choosePast, store_* (store_locked:
 * the same reading is under way elsewhere), over_limit, aws_*.
 */
export async function readPast(
  request: PastRequest,
  parts: PastParts,
  onProgress: (progress: PastProgress) => void,
): Promise<PastResult | null> {
  const chosen = choosePast(request, parts);
  const dir = folderOf(request, parts);
  mkdirSync(join(parts.config.state.dir, PAST_FOLDER), { recursive: true, mode: 0o700 });
  // Whoever goes on with a reading goes on with its times.
  const read = widen(request, parts.rules.ruleSet, systemClock.nowMs());
  const memoryBytes = Math.max(MEMORY_LEAST_BYTES, Math.floor(parts.config.state.memoryBytes * MEMORY_SHARE));
  const state = { ...parts.config.state, dir, memoryBytes };
  const config = { ...parts.config, state, sinks: [] };
  const store = openStore({ dir, clock: systemClock, engine: loadEngineVersion(), limits: { reserveBytes: 0 } });
  try {
    const end = new AbortController();
    const progress = new Map<string, PastProgress>();
    let open = chosen.length;
    const sources = chosen.map(({ name, past }) => {
      const onEnd = (): void => {
        open -= 1;
        if (open === 0) end.abort();
      };
      const tell = (now: PastProgress): void => {
        progress.set(name, now);
        onProgress(sum([...progress.values()]));
      };
      const source = past.open({ span: { ...request, ...read }, limits: request.limits, onEnd, onProgress: tell });
      return { source, scanned: Promise.resolve(), progress: noBytes, unread: noFiles, answering: null };
    });
    const engine = createEngine(parts.rules, state);
    const signal = AbortSignal.any([parts.signal, end.signal]);
    const emit: Emit = (told) => (TOLD.has(told.type) ? parts.emit(told) : undefined);
    const summary = await runStore({ config, emit, signal }, { engine, store, sinks: [], sources, quarantine: null });
    return open === 0 ? { dir, read, summary } : null;
  } finally {
    store.close();
  }
}

/** Takes the folder of a reading away, once all of it is handed over. */
export function forgetPast({ dir }: Pick<PastResult, "dir">): void {
  rmSync(dir, { recursive: true, force: true });
}

/** Takes away readings that nobody went on with for a week: what is read of the past may be read again. */
export function forgetOldPasts(stateDir: string, nowMs: number): void {
  const top = join(stateDir, PAST_FOLDER);
  if (!existsSync(top)) return;
  for (const name of readdirSync(top)) {
    const touchedMs = statSync(join(top, name, "store.db"), { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
    if (nowMs - touchedMs > KEPT_MS) forgetPast({ dir: join(top, name) });
  }
}

/** Named by all that decides what is read and found. */
function folderOf({ fromMs, toMs, account, region, source }: PastRequest, { config, rules }: PastParts): string {
  const what = { fromMs, toMs, account, region, source, rules: rules.hash, sources: config.sources };
  const id = sha256Hex(JSON.stringify(what)).slice(0, 16);
  return join(config.state.dir, PAST_FOLDER, id);
}

const noBytes = (): { doneBytes: number; totalBytes: number } => ({ doneBytes: 0, totalBytes: 0 });
const noFiles = (): { files: number; first: readonly string[] } => ({ files: 0, first: [] });

function sum(all: readonly PastProgress[]): PastProgress {
  const add = (key: keyof PastProgress): number => all.reduce((total, progress) => total + progress[key], 0);
  return { done: add("done"), total: add("total"), requests: add("requests") };
}
