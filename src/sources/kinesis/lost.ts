/**
 * What a stream holds no more and was never read: an alert, and a gap that a source which can read its past may fill.
 *
 * Shards whose positions are saved and that are no longer listed are told of once: their end is committed then. So are
 * those of a stream of this name that was deleted and made again.
 */
import type { Batch } from "../../contracts.ts";
import { toUtcText } from "../../lib/clock.ts";
import type { SourceDeps } from "../settings.ts";
import type { ListedShard } from "./client.ts";
import { formatPlace, parsePlace } from "./place.ts";
import { giveEmpty, type ServeBy } from "./serve.ts";
import { type KinesisConfig, parseStream } from "./settings.ts";

/** Records of a shard that arrived between these times, epoch ms. `key`: that of the shard's position. */
export type Lost = {
  readonly key: string;
  readonly why: string;
  readonly fromMs: number;
  readonly untilMs: number;
};
type TellBy = { readonly config: KinesisConfig; readonly deps: SourceDeps };
type TakeBy = TellBy & {
  readonly positions: ReadonlyMap<string, string>;
  readonly keyOf: (id: string) => string;
  readonly by: ServeBy;
};

/** Tells of it. Events are older than their arrival by as much as they may be late. */
export function tellLost({ key, why, fromMs, untilMs }: Lost, { config, deps }: TellBy): void {
  deps.alert?.("source_gap", { key, why });
  const times = { fromMs: fromMs - config.lateness, toMs: untilMs };
  deps.gap?.({ account: null, region: null, ...times, reason: "log_start" });
}

/** Shards of which something is left that was never read, and that are no longer there. */
export function* takeLost(listed: readonly ListedShard[], taking: TakeBy): Generator<Batch> {
  const { positions, config, deps, keyOf, by } = taking;
  const prefix = `${parseStream(config.stream).name}@`;
  const there = new Set(listed.map(({ ShardId = "" }) => keyOf(ShardId)));
  for (const [key, text] of positions) {
    const place = parsePlace(text);
    if (!key.startsWith(prefix) || there.has(key) || place === null || place.is === "end") continue;
    const fromMs = place.completeMs;
    const why = `shard ${key} is no longer there; records in it that arrived after ${toUtcText(fromMs)} were not read and are gone.`;
    tellLost({ key, why, fromMs, untilMs: deps.clock.nowMs() }, taking);
    const position = { source: config.name, key, value: formatPlace({ ...place, is: "end" }) };
    yield { ...giveEmpty(null, by), positions: [position] };
  }
}
