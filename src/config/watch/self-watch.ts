/**
 * The section `selfWatch`: how Sagewatch watches itself and what feeds it. Only the schema is here; pipeline/watch does it.
 */
import { z } from "zod";
import { didYouMean } from "../../lib/nearest.ts";
import { durationSchema } from "../../model/settings.ts";

/** Durations in ms; null: off. */
export type SelfWatchConfig = {
  readonly name: string;
  readonly silence: number | null;
  /** By source; all that it carries counts. */
  readonly silences: Readonly<Record<string, number | null>>;
  readonly heartbeat: number | null;
};

const silence = durationSchema({ least: 60_000, most: 31 * 86_400_000 }).nullable();

export const selfWatchSchema: z.ZodType<SelfWatchConfig> = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'")
      .default("sagewatch")
      .describe("Names this daemon in its heartbeats, where several send to one receiver."),
    silence: silence
      .prefault("30m")
      .describe(
        "An account that had CloudTrail records by a live source and has none for so long is told of by `sagewatch.source_silent`, and again when it has. Default 30m: five times what a trail's delivery takes. null: never.",
      ),
    silences: z
      .record(z.string(), silence)
      .default({})
      .describe(
        "The same for single sources, by name; here records of all kinds count, not those of CloudTrail only: `{guardduty: 7d, bedrock-log: 12h, sandbox: null}`. Default none.",
      ),
    heartbeat: durationSchema({ least: 10_000, most: 86_400_000 })
      .nullable()
      .prefault("5m")
      .describe(
        "How often a run with a live source sends `sagewatch.heartbeat` (informational) to every sink that takes it. Alarm at the receiver when none comes for three times as long. Default 5m: an outage is seen in a quarter of an hour. null: none.",
      ),
  })
  .prefault({})
  .describe("How Sagewatch watches itself and what feeds it; each alert is explained in docs/runbook.md.");

/** Adds an issue for each source in `silences` that nothing bears: it would be watched otherwise than somebody meant. */
export function checkSilences(
  config: { readonly selfWatch: SelfWatchConfig; readonly sources: readonly { readonly name: string }[] },
  check: z.RefinementCtx,
): void {
  const names = config.sources.map(({ name }) => name);
  for (const [name, value] of Object.entries(config.selfWatch.silences)) {
    if (names.includes(name)) continue;
    const message = `no source is called so${didYouMean(name, names)}`;
    check.addIssue({ code: "custom", path: ["selfWatch", "silences", name], message, input: value });
  }
}
