/** Parts for the tests of the pipeline: sources over lists of batches, and a matcher that takes matches from a table. */
import type { Batch, Match, Matcher, Source, SourceTiming } from "../../src/contracts.ts";
import type { DetectionRule } from "../../src/sigma/ast.ts";
import { makeDetection } from "../detect/make.ts";

export const LATENESS: number = 30 * 60_000;
export const HISTORIC: SourceTiming = { mode: "historic", latenessMs: LATENESS, idleMs: 0, followMs: null };

/** A rule that no test expects anything of. */
export const base: DetectionRule = makeDetection("base", { alerts: false });

/** What a batch of the table matcher stands for: its matches, and the floor and position it is committed with. */
export type Step = {
  readonly matches: readonly Match[];
  readonly floorMs: number;
  readonly position: string;
  /** Awaited before the batch is given out. */
  readonly after?: Promise<unknown>;
};

export type Table = {
  readonly matcher: Matcher;
  /** A source that yields the steps, each a batch with one record a match. `settled` gets each settlement. */
  source(name: string, steps: readonly Step[], timing?: SourceTiming): Source;
  readonly settled: { source: string; position: string; error: unknown }[];
};

/** A matcher that knows the batches of its own sources, so that a test says what a batch means. */
export function createTable(): Table {
  const known = new Map<Batch, readonly Match[]>();
  const settled: Table["settled"] = [];
  return {
    settled,
    matcher: {
      match: (batch) => {
        const matches = known.get(batch) ?? [];
        return {
          read: matches.length,
          evaluated: matches.length,
          rejected: [],
          skipped: {},
          newestMs: Math.max(-Infinity, ...matches.map(({ timeMs }) => timeMs)),
          late: 0,
          groupless: new Map(),
          matches,
        };
      },
    },
    source: (name, steps, timing = HISTORIC) => ({
      name,
      logsources: ["aws/cloudtrail"],
      timing,
      async *read(_positions, signal) {
        for (const { matches, floorMs, position, after } of steps) {
          await after;
          const batch = toBatch(name, { floorMs, position }, (error) =>
            settled.push({ source: name, position, error }),
          );
          known.set(batch, matches);
          yield batch;
          if (signal.aborted) return;
        }
      },
    }),
  };
}

function toBatch(source: string, at: { floorMs: number; position: string }, settle: (error?: unknown) => void): Batch {
  return {
    kind: "cloudtrail",
    chunk: new Uint8Array(0),
    offsets: new Int32Array(0),
    flags: null,
    origin: { source, path: "test", indexes: new Int32Array(0) },
    rejected: [],
    skipped: {},
    positions: [{ source, key: "k", value: at.position }],
    floorMs: at.floorMs,
    settle,
  };
}
