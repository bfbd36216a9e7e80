/**
 * The matcher and the detector in use, and how another rule set takes their place while a run goes on.
 *
 * The pipeline holds one matcher and one detector for its life; behind them stand those of the rules in use. They are
 * exchanged together, at a commit boundary, so no match of old rules ever meets the new detector. The new detector takes
 * over the windows of every state key that the old one had, and those that it had not from the store, where a rule that was
 * removed and is back finds its own: what is promised of state keys at a restart holds for a reload too.
 */
import type { Config } from "../config/schema.ts";
import type { Detector, DetectorState, Matcher, Watermarks } from "../contracts.ts";
import { decoders } from "../decode/registry.ts";
import { createDetector, type DetectorOptions, type LiveDetector } from "../detect/detector.ts";
import { systemClock } from "../lib/clock.ts";
import { createMatcher } from "../match/matcher.ts";
import { LOGSOURCES } from "../model/event.ts";
import type { Rules } from "./rules.ts";

const NOTHING: DetectorState = { members: [], evidence: [] };

/** How far each logsource is complete, and rules are closed, epoch ms. */
export type Complete = Pick<Watermarks, "value" | "closed">;

/** What an exchange needs. */
export type Exchange = {
  /** What the store holds of these state keys. */
  readonly stateOf: (stateKeys: ReadonlySet<string>) => DetectorState;
  readonly watermarks: Complete;
  /** Rules whose open buckets are drafted again; see Detector.restore. */
  readonly redraft: ReadonlySet<string>;
};

/** Parts for the pipeline, and the rules behind them. */
export type Engine = {
  readonly matcher: Matcher;
  readonly detector: Detector;
  rules(): Rules;
  /** Bytes of each correlation's groups, by rule id. */
  bytesByRule(): ReadonlyMap<string, number>;
  /** Restores the windows of the rules in use; once, before the first batch. */
  start(state: DetectorState, watermarks: Complete): void;
  /** Puts `rules` in the place of those in use; nothing may wait in the detector. */
  replace(rules: Rules, exchange: Exchange): void;
};

/** Builds the parts for `rules`, their windows empty, within the caps of the configuration. */
export function createEngine(rules: Rules, { memoryBytes, ruleShare, accountShare, prompts }: Config["state"]): Engine {
  const seed = [0, 1].map(() => Math.floor(systemClock.random() * 2 ** 32)) as [number, number];
  const memory = { maxBytes: memoryBytes, ruleShare, accountShare, seed };
  let current = build(rules, prompts, { memory });
  return {
    matcher: { match: (batch, at) => current.matcher.match(batch, at) },
    detector: {
      apply: (matches) => current.detector.apply(matches),
      advance: (logsource, watermarkMs) => current.detector.advance(logsource, watermarkMs),
      deltas: () => current.detector.deltas(),
      restore: (state, redraft, closed) => current.detector.restore(state, redraft, closed),
      size: () => current.detector.size(),
    },
    rules: () => current.rules,
    bytesByRule: () => {
      const { windows, memory: held } = current.detector;
      return new Map([...windows].map(([ruleId, { groups }]) => [ruleId, held.bytesOf(groups.number)]));
    },
    start: (state, watermarks) => {
      advance(current.detector, watermarks);
      current.detector.restore(state, undefined, watermarks.closed);
    },
    replace: (next, { stateOf, watermarks, redraft }) => {
      const made = build(next, prompts, { before: { detector: current.detector, redraft } });
      advance(made.detector, watermarks);
      const { missing } = made.detector;
      made.detector.restore(missing.size > 0 ? stateOf(missing) : NOTHING, redraft, watermarks.closed);
      current = made;
    },
  };
}

type Current = { readonly rules: Rules; readonly matcher: Matcher; readonly detector: LiveDetector };

function build(rules: Rules, prompts: boolean, options: Omit<DetectorOptions, "names">): Current {
  const names = new Map(Object.entries(rules.sources.accounts).map(([id, account]) => [id, account.name]));
  return {
    rules,
    detector: createDetector(rules.ruleSet, { names, ...options }),
    matcher: createMatcher({ rules: rules.compiled, ruleSet: rules.ruleSet, decoders, prompts }),
  };
}

function advance(detector: Detector, { value }: Complete): void {
  for (const logsource of LOGSOURCES) detector.advance(logsource, value(logsource));
}
