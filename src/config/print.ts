/**
 * The resolved configuration as YAML that can be read, compared and loaded again.
 *
 * Durations and sizes are printed as people write them, every default stands in it, and a secret prints as its reference
 * ({env: NAME}), never as its value. It prints what runs, not what the file says.
 */
import { stringify } from "yaml";
import { formatDuration, formatSize } from "../lib/duration.ts";
import { isSecret } from "../model/secret.ts";
import type { Adapters } from "./adapters.ts";
import type { Config } from "./schema.ts";
import { createShapeReader, type KeyPath, type ShapeReader } from "./shape.ts";

/** YAML text of `config`. `shipped`: the lists that come with the rules, shown where the configuration has none in their place. */
export function printConfig(config: Config, adapters: Adapters, shipped: Config["lists"] = {}): string {
  const shape = createShapeReader(adapters, config);
  // Lists and calendars stand under `tuning` as well, where all knobs are.
  const { lists, calendars: _calendars, ...rest } = config;
  const tuning = { ...rest.tuning, lists: { ...shipped, ...lists } };
  return stringify(toInput({ ...rest, tuning }, [], shape), { lineWidth: 0 });
}

function toInput(value: unknown, path: KeyPath, shape: ShapeReader): unknown {
  if (isSecret(value)) return { ...value.ref };
  if (Array.isArray(value)) return value.map((item, index) => toInput(item, [...path, index], shape));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, toInput(child, [...path, key], shape)]),
    );
  }
  if (typeof value !== "number") return value;
  const at = shape.at(path);
  // One that may be null has its format a step below.
  const format = [at, ...(at?.anyOf ?? [])].find((branch) => branch?.format !== undefined)?.format;
  return format === "duration" ? formatDuration(value) : format === "size" ? formatSize(value) : value;
}
