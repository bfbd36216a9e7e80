/**
 * Durations as Sigma writes them: a whole number and one unit, "15m". Sigma has no combined form ("1h30m").
 */
import type { Findings } from "../problems.ts";
import { shownAs, type YamlNode } from "../yaml.ts";

/** Seconds of each unit. M and y are the mean Gregorian month (30.44 days) and year, as pySigma has them. */
const UNIT_S = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, M: 2_629_746, y: 31_556_952 } as const;
/** Longest duration: ten years. Beyond it the number is surely a slip. */
const MAX_S = 10 * UNIT_S.y;

/** Milliseconds of a duration above zero; null when it is none, which is reported under the name `key`. */
export function parseTimespan(key: string, node: YamlNode, findings: Findings): number | null {
  const text = node.kind === "scalar" ? node.source.trim() : "";
  const [, count, unit] = /^(\d{1,12})([smhdwMy])$/.exec(text) ?? [];
  const seconds = Number(count) * UNIT_S[(unit ?? "s") as keyof typeof UNIT_S];
  if (unit === undefined || seconds <= 0 || seconds > MAX_S) {
    findings.error("timespan_format", node.at, {
      message: `\`${key}\` must be a whole number above 0 with a unit, at most ten years`,
      value: shownAs(node),
      remedy: "write a number and one of s, m, h, d, w, such as 15m; 1h30m is 90m",
    });
    return null;
  }
  if (unit === "M" || unit === "y") {
    findings.warning("timespan_unit", node.at, {
      message: `the length of a ${unit === "M" ? "month" : "year"} differs between tools`,
      value: text,
      remedy: "write it in days",
    });
  }
  return seconds * 1000;
}
