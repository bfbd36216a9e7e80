/**
 * The section `tuning`: every knob of the rules in one place - thresholds, lists and calendars.
 *
 * `lists` and `calendars` may stand at the top of the file too; both places are one table, and a name that stands in both
 * is refused, since nobody could tell which holds. A threshold that no rule has is refused with the nearest that is
 * known: here where only the shipped rules run, else when the rules are loaded.
 */
import { z } from "zod";
import { nearest } from "../../lib/nearest.ts";
import { type CalendarConfig, calendarSchema, DEFAULT_BUSINESS, nameSchema } from "../calendars.ts";
import { type ListConfig, listSchema } from "./lists.ts";
import { THRESHOLD_NAMES, thresholdsSchema } from "./thresholds.ts";

/** The knobs: all thresholds of the shipped rules, and the lists and calendars that the file sets. */
export type TuningConfig = {
  readonly thresholds: Readonly<Record<string, number>>;
  readonly lists: Readonly<Record<string, ListConfig>>;
  readonly calendars: Readonly<Record<string, CalendarConfig>>;
};

/** What of a configuration the knobs touch. */
type Tuned = Pick<TuningConfig, "lists" | "calendars"> & {
  readonly tuning: TuningConfig;
  readonly rules: { readonly paths: readonly string[] | null };
};

/** The schema of the section. */
export const tuningSchema: z.ZodType<TuningConfig> = z
  .strictObject({
    thresholds: thresholdsSchema.prefault({}),
    lists: z
      .record(nameSchema, listSchema)
      .default({})
      .describe(
        "Lists that rules name, each `{type, values}`, as under `lists` below. docs/tuning.md has all of them.",
      ),
    calendars: z
      .record(nameSchema, calendarSchema)
      .default({})
      .describe("Calendars, each `{zone, open, holidays}`, as under `calendars` below."),
  })
  .prefault({})
  .describe(
    "Every knob of the rules in one place. docs/tuning.md tells each with its default, its reason and the rules that use it.",
  );

/** Names that stand in both places, and thresholds that no shipped rule has where no others run. */
export function checkTuning(config: Tuned, check: z.core.$RefinementCtx): void {
  const { tuning, rules } = config;
  const refuse = (path: readonly string[], message: string, input: unknown): void =>
    check.addIssue({ code: "custom", path: ["tuning", ...path], message, input });
  for (const section of ["lists", "calendars"] as const) {
    for (const [name, value] of Object.entries(tuning[section])) {
      const other = Object.hasOwn(config[section], name) ? config[section][name] : undefined;
      if (other === undefined || other === DEFAULT_BUSINESS) continue;
      refuse([section, name], `stands under \`${section}\` at the top of the file too; keep one of them`, value);
    }
  }
  if (rules.paths !== null) return;
  for (const [name, value] of Object.entries(tuning.thresholds))
    if (!THRESHOLD_NAMES.includes(name)) refuse(["thresholds", name], toUnknown(name, THRESHOLD_NAMES), value);
}

/** What is wrong with a threshold that no rule has, and the nearest of `known`. */
export function toUnknown(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `no rule has this threshold; ${near === null ? "docs/tuning.md has all of them" : `did you mean \`${near}\`?`}`;
}

/** Both places as one table, wherever it is asked for. */
export function joinTuning<C extends Tuned>(config: C): C {
  const lists = { ...config.lists, ...config.tuning.lists };
  const calendars = { ...config.calendars, ...config.tuning.calendars };
  return { ...config, lists, calendars, tuning: { ...config.tuning, lists, calendars } };
}
