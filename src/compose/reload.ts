/**
 * Reload: reads the rules again while the daemon runs, and puts them in use at a commit boundary or refuses them whole.
 *
 * Asked by SIGHUP, by `sagewatch rules reload` and by the watch of the rule files; requests are served one after another.
 * SIGHUP and the command read the configuration again too and take over what rules read of it; the other keys that
 * changed are named. A set with an error changes nothing: the one in use stays, a signal and an operational alert say why.
 * Positions and watermarks are never touched.
 */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/schema.ts";
import type { DetectorState, Store } from "../contracts.ts";
import { sha256Hex } from "../lib/canonical.ts";
import { systemClock } from "../lib/clock.ts";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { Emit, ReloadTrigger } from "../model/signal.ts";
import type { Running } from "../pipeline/run.ts";
import { compareRules, type RuleChanges, tellReturned } from "../rules/changes.ts";
import type { Engine, Complete } from "./engine.ts";
import { keepLastGood } from "./last-good.ts";
import { readRules, type Rules, tellLoaded, usesDefaultCalendar } from "./rules.ts";
import { adoptUse } from "./store-use.ts";
import { noteWarming } from "./warming.ts";

/** What became of a request. `restart`: keys of the configuration that changed and need a restart. */
export type ReloadOutcome =
  | {
      readonly status: "reloaded" | "unchanged";
      readonly hash: string;
      readonly changes: RuleChanges;
      readonly restart: readonly string[];
      readonly elapsedMs: number;
      readonly pauseMs: number;
    }
  | { readonly status: "rejected"; readonly code: string; readonly errors: readonly string[] };

export type ReloadOptions = {
  readonly config: Config;
  readonly engine: Engine;
  readonly store: Store;
  /** Reads the configuration anew; throws what loadConfig throws. Null: it stays as it is. */
  readonly reread: (() => Config) | null;
  readonly emit: Emit;
};

/** The run that a reload works on. */
export type LiveRun = { readonly running: Running; readonly watermarks: Complete };

export type Reload = {
  /** Never rejects but with daemon_unreachable, when the run ends before the request is served, and with what ends the run. */
  request(trigger: ReloadTrigger): Promise<ReloadOutcome>;
  /** The run has begun; requests that came before are served now. */
  begin(run: LiveRun): void;
  /** No request is served any more. */
  end(): void;
  /** The configuration that the rules in use were read with. */
  config(): Config;
};

/** Sections that a reload takes over: what rules read. */
const TAKEN_OVER = ["rules", "tuning", "lists", "accounts", "calendars"] as const;
/** An alert is read by people: so many errors, and so many characters in all. */
const ALERT_ERRORS = 20;
const ALERT_CHARS = 4_000;

export function createReload(options: ReloadOptions): Reload {
  let { config } = options;
  let refused: string | null = null;
  const begun = Promise.withResolvers<LiveRun>();
  const queued = new Map<ReloadTrigger, Promise<ReloadOutcome>>();
  let turn: Promise<unknown> = begun.promise;
  begun.promise.catch(() => undefined);

  const serve = async (trigger: ReloadTrigger): Promise<ReloadOutcome> => {
    const run = await begun.promise;
    queued.delete(trigger);
    const served = reload(trigger, { ...options, ...run, config, refused });
    if (served.config !== null) config = served.config;
    refused = served.outcome.status === "rejected" ? served.outcome.errors.join("\n") : null;
    return served.outcome;
  };
  return {
    // One that waits already will read what this one means, too.
    request: (trigger) => {
      const waiting = queued.get(trigger);
      if (waiting !== undefined) return waiting;
      const outcome = turn.then(() => serve(trigger));
      queued.set(trigger, outcome);
      turn = outcome.catch(() => undefined);
      return outcome;
    },
    begin: begun.resolve,
    end: () => begun.reject(toStopped()),
    config: () => config,
  };
}

/** Tells of a refused set: signal and operational alert. */
export function tellRejected(
  error: SagewatchError,
  at: { readonly trigger: ReloadTrigger | "start"; readonly emit: Emit; readonly running: Pick<Running, "tell"> },
): void {
  const errors = error.message.split("\n");
  const shown = errors.slice(0, ALERT_ERRORS + 1);
  const more = errors.length > shown.length ? [`and ${errors.length - shown.length} more`] : [];
  const detail = [...shown, ...more].join("\n").slice(0, ALERT_CHARS);
  // A refusal of rules begins with their number; others are of one fault.
  const count = Number(/^(\d+) errors?/.exec(error.message)?.[1] ?? 1);
  at.emit({ type: "rules_rejected", trigger: at.trigger, code: error.code, errors: count, detail });
  const when = at.trigger === "start" ? "start" : "reload";
  // One alert an hour for one fault; another fault is other news.
  const key = `${when} ${sha256Hex(error.message).slice(0, 16)}`;
  at.running.tell("rules_rejected", { key, why: `${WHY[when]} ${detail}` });
}

const WHY = {
  start: "The rules could not be loaded at start, so the last good set runs; run `sagewatch rules check`.",
  reload: "The changed rules were refused, so the set before them runs on; run `sagewatch rules check`.",
} as const;

type Served = { readonly outcome: ReloadOutcome; readonly config: Config | null };

/** `refused`: the errors of the last request when it was refused. */
type Reloading = ReloadOptions & LiveRun & { readonly refused: string | null };

function reload(trigger: ReloadTrigger, options: Reloading): Served {
  const { engine, emit, running } = options;
  const begunMs = systemClock.monotonicMs();
  let config: Config;
  let restart: readonly string[];
  let rules: Rules;
  try {
    ({ config, restart } = readConfig(trigger, options));
    rules = readRules(config, null, emit);
  } catch (error) {
    const known = error instanceof SagewatchError ? error : new SagewatchError("internal", toMessage(error));
    const errors = known.message.split("\n");
    // The watch sees what the command saw: told once is enough.
    if (trigger !== "watch" || options.refused !== known.message) tellRejected(known, { trigger, emit, running });
    return { outcome: { status: "rejected", code: known.code, errors }, config: null };
  }
  if (restart.length > 0) emit({ type: "restart_needed", keys: restart });
  const before = engine.rules();
  const compared = compareRules(before, rules);
  const isSame = before.hash === rules.hash;
  const loadedMs = systemClock.monotonicMs();
  if (!isSame) exchange(rules, compared, options);
  const endedMs = systemClock.monotonicMs();
  const held = engine.bytesByRule();
  const changes = tellReturned(compared, (id) => (held.get(id) ?? 0) > 0);
  const pauseMs = isSame ? 0 : endedMs - loadedMs;
  if (!isSame) {
    tellLoaded(rules, loadedMs - begunMs, emit);
    keepLastGood(config.state.dir, rules, emit);
    adoptUse(options.store, rules, { sinks: options.config.sinks, emit });
    const at = { dir: config.state.dir, nowMs: systemClock.nowMs(), emit };
    noteWarming(at, rules, { begun: changes.warming, told: "begun" });
    if (usesDefaultCalendar(config, rules) && !usesDefaultCalendar(options.config, before))
      emit({ type: "rules_default_calendar", accounts: Object.keys(config.accounts).length });
  }
  const elapsedMs = endedMs - begunMs;
  // Files that were touched or moved back are no news.
  if (!isSame || trigger !== "watch") tellReloaded({ trigger, hash: rules.hash, changes, elapsedMs, pauseMs }, emit);
  const status = isSame ? "unchanged" : "reloaded";
  return { outcome: { status, hash: rules.hash, changes, restart, elapsedMs, pauseMs }, config };
}

/** The configuration in use with what rules read of the new one, and the keys that only a restart takes over. */
function readConfig(
  trigger: ReloadTrigger,
  { config, reread }: ReloadOptions,
): { config: Config; restart: readonly string[] } {
  if (trigger === "watch" || reread === null) return { config, restart: [] };
  const next = reread();
  const { rules, tuning, lists, accounts, calendars } = next;
  return { config: { ...config, rules, tuning, lists, accounts, calendars }, restart: changedKeys(config, next) };
}

/** Keys outside of what a reload takes over that differ: sections, or "section.key" where a section is a map. */
function changedKeys(before: Config, after: Config): readonly string[] {
  const sections = Object.keys(after).filter((key) => !(TAKEN_OVER as readonly string[]).includes(key));
  return sections.flatMap((section) => {
    const [old, next] = [before, after].map((config) => config[section as keyof Config] as unknown);
    if (isDeepStrictEqual(old, next)) return [];
    if (typeof next !== "object" || next === null || Array.isArray(next)) return [section];
    const [was, is] = [old, next] as Readonly<Record<string, unknown>>[];
    return Object.keys(next)
      .filter((key) => !isDeepStrictEqual(was?.[key], is?.[key]))
      .map((key) => `${section}.${key}`);
  });
}

function exchange(rules: Rules, changes: RuleChanges, options: Reloading): void {
  const { engine, store, watermarks, running } = options;
  const redraft = toRedrafted(engine.rules(), rules, changes);
  const stateOf = (stateKeys: ReadonlySet<string>): DetectorState => store.load(stateKeys).state;
  const isDone = running.atBoundary(() => engine.replace(rules, { stateOf, watermarks, redraft }));
  if (!isDone) throw toStopped();
}

/** Rules whose open buckets may read otherwise now: all when the accounts got other names, else what changed and what reads it. */
function toRedrafted(before: Rules, after: Rules, changes: RuleChanges): ReadonlySet<string> {
  const { detections, correlations } = after.ruleSet;
  const isRenamed = !isDeepStrictEqual(before.sources.accounts, after.sources.accounts);
  if (isRenamed) return new Set([...detections, ...correlations].map(({ id }) => id));
  const redrafted = new Set([...changes.added, ...changes.changed].map(({ id }) => id));
  // They stand after everything that they refer to.
  for (const { id, rules } of correlations) if (rules.some((rule) => redrafted.has(rule))) redrafted.add(id);
  return redrafted;
}

function tellReloaded(
  done: { trigger: ReloadTrigger; hash: string; changes: RuleChanges; elapsedMs: number; pauseMs: number },
  emit: Emit,
): void {
  const { changes, ...rest } = done;
  const { added, removed, changed, kept } = changes;
  const counts = { added: added.length, removed: removed.length, changed: changed.length, kept };
  emit({ type: "rules_reloaded", ...rest, ...counts });
}

function toStopped(): SagewatchError {
  return new SagewatchError("daemon_unreachable", "the daemon stopped before the rules were reloaded; ask again");
}
