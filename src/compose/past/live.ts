/**
 * All that a daemon does about the past: readings that commands ask for, gaps that sources tell of, and their repair.
 */
import type { Config } from "../../config/schema.ts";
import type { Store } from "../../contracts.ts";
import { systemClock } from "../../lib/clock.ts";
import { SagewatchError } from "../../model/errors.ts";
import { type FoundGap, GAPS, toGapKey } from "../../model/past/gap.ts";
import type { Emit } from "../../model/signal.ts";
import type { ControlHandler } from "../../ops/control.ts";
import type { Running } from "../../pipeline/run.ts";
import { createPaces, type Paces, toPacesDir } from "../../sources/poll/pace.ts";
import { readGaps, readLastCommit } from "../../store/past/gaps.ts";
import type { Engine } from "../engine.ts";
import { createBackfills } from "./backfills.ts";
import { createGapBook } from "./gaps.ts";
import type { HandOver } from "./hand-over.ts";
import { repairGaps } from "./repair.ts";
import { choosePast, forgetOldPasts, type PastRequest } from "./run.ts";
import { toReachMs } from "./span.ts";

export type LivePast = {
  readonly paces: Paces;
  /** When the daemon before this one last committed, epoch ms; null: there was none. */
  readonly aliveMs: number | null;
  /** Answers the command `backfill`. */
  readonly handler: ControlHandler;
  /** A source tells of a gap. */
  gap(source: string, found: FoundGap): void;
  /** The run has begun: what was asked for is served, gaps are repaired. */
  begin(running: Running, handOver: HandOver): void;
  end(): Promise<void>;
};

type Needs = {
  readonly config: Config;
  readonly emit: Emit;
  readonly store: Pick<Store, "views" | "forgetPositions">;
  readonly engine: Pick<Engine, "rules">;
};

/** Errors by code: store_corrupt, store_failed (the gaps that are kept cannot be read). */
export function openLivePast({ config, emit, store, engine }: Needs): LivePast {
  const paces = createPaces(systemClock, toPacesDir(config.state.dir));
  const rules = engine.rules;
  const backfills = createBackfills({ config, paces, emit, store, rules });
  const gaps = createGapBook(readGaps(config.state.dir), emit);
  const isOpen = new Set(gaps.open().map(toGapKey));
  store.forgetPositions(GAPS, (key) => !isOpen.has(key), systemClock.nowMs());
  forgetOldPasts(config.state.dir, systemClock.nowMs());
  const stop = new AbortController();
  const hasPast = (source: string): boolean => {
    try {
      return choosePast({ source }, { config, rules: rules(), paces, emit, signal: stop.signal }).length > 0;
    } catch {
      return false;
    }
  };
  let repairing: Promise<void> | null = null;
  return {
    paces,
    aliveMs: readLastCommit(config.state.dir),
    handler: async (args) => {
      const request = toRequest(args);
      return args["plan"] === true ? backfills.plan(request) : backfills.ask(request);
    },
    gap: (source, found) => gaps.found(source, found),
    begin: (running, handOver) => {
      backfills.begin(handOver);
      const keep = (): void => {
        const positions = gaps.drain();
        if (positions.length > 0) handOver({ positions });
      };
      repairing = repairGaps({
        repair: config.repair,
        gaps,
        clock: systemClock,
        run: (request) => backfills.run(request),
        hasPast,
        reachMs: () => toReachMs(rules().ruleSet),
        tell: (name, about) => running.tell(name, about),
        keep,
        signal: stop.signal,
      });
    },
    end: async () => {
      stop.abort();
      await backfills.end();
      await repairing;
    },
  };
}

/** The request of a command. Errors by code: usage. */
function toRequest(args: Readonly<Record<string, unknown>>): PastRequest {
  const { fromMs, toMs, source = null, account = null, region = null } = args;
  const { objects, bytes, requests } = (args["limits"] ?? {}) as Readonly<Record<string, unknown>>;
  const isText = (value: unknown): value is string | null => value === null || typeof value === "string";
  const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
  if (!isNumber(fromMs) || !isNumber(toMs) || !isNumber(objects) || !isNumber(bytes) || !isNumber(requests))
    throw new SagewatchError("usage", "backfill: `fromMs`, `toMs` and the three of `limits` must be numbers");
  if (!isText(source) || !isText(account) || !isText(region))
    throw new SagewatchError("usage", "backfill: `source`, `account` and `region` must be texts or null");
  return { fromMs, toMs, source, account, region, limits: { objects, bytes, requests } };
}
