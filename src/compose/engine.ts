/**
 * The matcher and the detector in use, and how another rule set takes their place while a run goes on.
 *
 * The pipeline holds one matcher and one detector for its life; behind them stand those of the rules in use. They are
 * exchanged together, at a commit boundary, so no match of old rules ever meets the new detector. The new windows are
 * restored from the store exactly as a restart does it: what is promised there of state keys holds for a reload too.
 */
import type { Config } from "../config/schema.ts";
import type { Detector, DetectorState, Matcher } from "../contracts.ts";
import { decoders } from "../decode/registry.ts";
import { createDetector } from "../detect/detector.ts";
import type { MemoryOptions } from "../detect/memory/groups.ts";
import { systemClock } from "../lib/clock.ts";
import { createMatcher } from "../match/matcher.ts";
import type { Logsource } from "../model/event.ts";
import type { Rules } from "./rules.ts";

const LOGSOURCES: readonly Logsource[] = ["aws/cloudtrail", "aws/guardduty"];

/** Where windows are restored from: all that the store holds, and how far each logsource is complete (epoch ms). */
export type Standing = {
  readonly state: DetectorState;
  readonly watermark: (logsource: Logsource) => number;
  /** Rules whose open buckets are drafted again; see Detector.restore. */
  readonly redraft?: ReadonlySet<string>;
};

/** Parts for the pipeline, and the rules behind them. */
export type Engine = {
  readonly matcher: Matcher;
  readonly detector: Detector;
  rules(): Rules;
  /** Restores the windows of the rules in use; once, before the first batch. */
  start(from: Standing): void;
  /** Puts `rules` in the place of those in use; nothing may wait in the detector. */
  replace(rules: Rules, from: Standing): void;
};

/** Builds the parts for `rules`, their windows empty, within the caps of the configuration. */
export function createEngine(rules: Rules, { memoryBytes, ruleShare, accountShare }: Config["state"]): Engine {
  const seed = [0, 1].map(() => Math.floor(systemClock.random() * 2 ** 32)) as [number, number];
  const memory = { maxBytes: memoryBytes, ruleShare, accountShare, seed };
  let current = build(rules, memory);
  return {
    matcher: { match: (batch, at) => current.matcher.match(batch, at) },
    detector: {
      apply: (matches) => current.detector.apply(matches),
      advance: (logsource, watermarkMs) => current.detector.advance(logsource, watermarkMs),
      deltas: () => current.detector.deltas(),
      restore: (state, redraft) => current.detector.restore(state, redraft),
      size: () => current.detector.size(),
    },
    rules: () => current.rules,
    start: (from) => restore(current.detector, from),
    replace: (next, from) => {
      const made = build(next, memory);
      restore(made.detector, from);
      current = made;
    },
  };
}

type Current = { readonly rules: Rules; readonly matcher: Matcher; readonly detector: Detector };

function build(rules: Rules, memory: Partial<MemoryOptions>): Current {
  const names = new Map(Object.entries(rules.sources.accounts).map(([id, account]) => [id, account.name]));
  return {
    rules,
    detector: createDetector(rules.ruleSet, { names, memory }),
    matcher: createMatcher({ rules: rules.compiled, ruleSet: rules.ruleSet, decoders }),
  };
}

function restore(detector: Detector, { state, watermark, redraft }: Standing): void {
  for (const logsource of LOGSOURCES) detector.advance(logsource, watermark(logsource));
  detector.restore(state, redraft);
}
