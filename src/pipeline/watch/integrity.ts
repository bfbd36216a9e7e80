/**
 * Tells what a source found out about CloudTrail's digest files: an alert and a signal for what is wrong, a signal for each
 * digest file that is judged.
 *
 * The alert goes into the commit of the batch that carries the finding, so that neither is ever without the other. Its id is
 * made of the finding, what it is about and the hour of that, so that it is one alert however often it is found.
 */
import type { Batch } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { IntegrityFinding, JudgedDigest } from "../../model/integrity/notes.ts";
import { fromUri, toDigestPlace } from "../../model/integrity/place.ts";
import type { Emit } from "../../model/signal.ts";
import type { SelfWatch } from "./self-watch.ts";

type ToldBy = { readonly emit: Emit; readonly clock: Clock };

export function tellIntegrity({ integrity = [], origin }: Batch, self: SelfWatch, by: ToldBy): void {
  const { source } = origin;
  for (const note of integrity) {
    if (note.is === "finding") tellFinding(note, { self, source, ...by });
    if (note.is === "judged") tellJudged(note, source, by.emit);
  }
}

function tellFinding(
  { finding, accountId, region, key, fromMs, files, why }: IntegrityFinding,
  { self, source, emit, clock }: ToldBy & { readonly self: SelfWatch; readonly source: string },
): void {
  emit({ type: "log_integrity", source, accountId, region, finding, files, detail: why });
  const group = { finding, source };
  const about = { key: `${finding} ${key}`, why, group, accountId, region };
  self.tell("log_integrity", { ...about, sinceMs: fromMs, nowMs: clock.nowMs() });
}

function tellJudged({ uri, state }: JudgedDigest, source: string, emit: Emit): void {
  if (state === "listed") return;
  const place = toDigestPlace(fromUri(uri));
  emit({ type: "digest_judged", source, accountId: place?.accountId ?? "", region: place?.region ?? "", state });
}
