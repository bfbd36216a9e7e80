/**
 * The section `repair`: how gaps are repaired by themselves, and how much one reading of the past may take.
 */
import { z } from "zod";
import { durationSchema, sizeSchema } from "../../model/settings.ts";

/** Durations in ms, sizes in bytes. */
export type RepairConfig = {
  readonly auto: boolean;
  readonly wait: number;
  readonly maxSpan: number;
  readonly objects: number;
  readonly bytes: number;
  readonly requests: number;
};

const MINUTE_MS = 60_000;

export const repairSchema: z.ZodType<RepairConfig> = z
  .strictObject({
    auto: z
      .boolean()
      .default(true)
      .describe(
        "true: a gap that a source tells of is read again by itself, within the limits below; one beyond them is an alert that names the command. Default true: what was missed is looked at before anybody asks. false: every gap is such an alert.",
      ),
    wait: durationSchema({ least: 1000, most: 1440 * MINUTE_MS })
      .prefault("10m")
      .describe("How long a gap must not have grown before it is read. Default 10m: what else is late belongs to it."),
    maxSpan: durationSchema({ least: MINUTE_MS, most: 90 * 1440 * MINUTE_MS })
      .prefault("24h")
      .describe(
        "Longest gap that is read by itself. Default 24h: a longer one takes hours, and a person should choose when.",
      ),
    objects: z
      .int()
      .min(1)
      .default(20_000)
      .describe("Most objects of S3 that one backfill reads. Default 20,000: a day of an account in ten Regions."),
    bytes: sizeSchema({ least: 1024 * 1024, most: 1024 ** 4 })
      .prefault("4 GiB")
      .describe("Most bytes of objects, as stored, that one backfill reads. Default 4 GiB."),
    requests: z
      .int()
      .min(1)
      .default(10_000)
      .describe(
        "Most requests of listing, or to LookupEvents, that one backfill makes. Default 10,000: 90 minutes of one account and Region at 1.8 a second.",
      ),
  })
  .prefault({})
  .describe("What is done about gaps, and the limits of `sagewatch backfill` where it names none.");
