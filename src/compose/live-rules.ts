/**
 * The rules of a daemon at its start, and who may ask for them to be read again.
 *
 * A set that does not load at start would leave nobody watching, so the set that was kept last runs and an alert says so;
 * without one the daemon does not start. SIGHUP and the watch of the rule files ask from here, the command through the
 * control socket.
 */
import { SHIPPED_RULES } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../lib/clock.ts";
import { type ErrorCode, SagewatchError } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import type { Running } from "../pipeline/run.ts";
import { compareRules } from "../rules/changes.ts";
import { SHIPPED_LISTS } from "../rules/lists.ts";
import type { RuleSet } from "../sigma/ast.ts";
import { lookAtRules, watchRules, type WatchOptions } from "../rules/watch.ts";
import { isLastGood, keepLastGood, loadLastGood } from "./last-good.ts";
import { type Reload, tellRejected } from "./reload.ts";
import { openRules, type Rules, tellLoaded, usesDefaultCalendar } from "./rules.ts";
import { noteWarming } from "./warming.ts";

/** What a daemon starts with. `rejected`: why the configured rules did not load, when the last good set stands in. */
export type StartRules = {
  readonly rules: Rules;
  readonly rejected: SagewatchError | null;
  /** The state of the rule files before they were read. */
  readonly since: string;
};

type Options = {
  readonly config: Config;
  readonly emit: Emit;
  readonly onHangup?: (reload: () => void) => () => void;
};

/** Faults of rules and their files; a fault of the configuration itself is for whoever starts the daemon. */
const FALLS_BACK: ReadonlySet<ErrorCode> = new Set(["rules_rejected", "not_found", "input_unreadable"]);

/** Reads the configured rules, or the last good set when they do not load. Errors: those of openRules when there is none. */
export async function openStartRules({ config, emit }: Options): Promise<StartRules> {
  const since = await lookAtRules(toWatched(() => config));
  const begunMs = systemClock.monotonicMs();
  try {
    return { rules: openRules(config, null, emit), rejected: null, since };
  } catch (error) {
    const rejected = error instanceof SagewatchError && FALLS_BACK.has(error.code) ? error : null;
    const rules = rejected === null ? null : loadLastGood(config.state.dir, emit);
    if (rejected === null || rules === null) throw error;
    tellLoaded(rules, systemClock.monotonicMs() - begunMs, emit);
    return { rules, rejected, since };
  }
}

/** Keeps the set as the last good one, or tells that the last good one runs. Called when the run has begun. */
export function tellStart({ rules, rejected }: StartRules, running: Running, { config, emit }: Options): void {
  if (isLive(config)) tellWarming({ rules, rejected }, { config, emit });
  if (rejected === null) keepLastGood(config.state.dir, rules, emit);
  else tellRejected(rejected, { trigger: "start", emit, running });
  if (usesDefaultCalendar(config, rules))
    emit({ type: "rules_default_calendar", accounts: Object.keys(config.accounts).length });
}

/** What changed since the set that ran last begins to warm up; what did so before goes on. A first start is no news. */
function tellWarming({ rules, rejected }: Omit<StartRules, "since">, { config, emit }: Options): void {
  const { dir } = config.state;
  const at = { dir, nowMs: systemClock.nowMs(), emit };
  if (rejected !== null || isLastGood(dir, rules.hash)) return noteWarming(at, rules, { begun: [], told: "all" });
  const before = loadLastGood(dir, () => undefined);
  const { warming } = compareRules(before ?? { ruleSet: NO_RULES, lists: new Map() }, rules);
  noteWarming(at, rules, { begun: warming, told: before === null ? "none" : "all" });
}

const NO_RULES: RuleSet = { detections: [], correlations: [] };

/** Listens for SIGHUP and, where a source is live, watches the rule files, until `end`. */
export function startRequests(
  reload: Reload,
  { since }: StartRules,
  { config, onHangup }: Options,
): { end(): Promise<void> } {
  const stop = new AbortController();
  // What a request was refused for is told by signals; what ends the run is told by the run.
  const ask = (trigger: "sighup" | "watch"): Promise<unknown> => reload.request(trigger).catch(() => undefined);
  const forget = onHangup?.(() => void ask("sighup"));
  const watched = { ...toWatched(() => reload.config()), since };
  const watching = isLive(config) ? watchRules(watched, async () => void (await ask("watch")), stop.signal) : null;
  return {
    end: async () => {
      forget?.();
      stop.abort();
      await watching;
    },
  };
}

/** Input that ends is judged by one set of rules, unless somebody asks otherwise. */
function isLive({ sources }: Config): boolean {
  return sources.some((source) => source["mode"] !== "once");
}

/** Nothing while the configuration wants no watch. */
function toWatched(config: () => Config): WatchOptions {
  const paths = (): readonly string[] => config().rules.paths ?? [SHIPPED_RULES];
  return {
    rulePaths: () => (config().rules.watch ? paths() : []),
    listFolders: () => (config().rules.watch ? [SHIPPED_LISTS] : []),
    clock: systemClock,
  };
}
