/**
 * The fuzz targets by name. A new one is a file in targets/ and a line here.
 */
import { target as condition } from "./targets/condition.ts";
import { target as config } from "./targets/config.ts";
import { target as control } from "./targets/control.ts";
import { target as gzip } from "./targets/gzip.ts";
import { target as regex } from "./targets/regex.ts";
import { target as rules } from "./targets/rules.ts";
import { target as split } from "./targets/split.ts";
import type { Target } from "./target.ts";

/** All targets. */
export const TARGETS: readonly Target[] = [split, gzip, rules, condition, regex, config, control];
