/**
 * The shape of the configuration as JSON Schema: which keys stand where, and what a value means.
 *
 * Three readers: the faults (nearest known key), the printed configuration (durations as texts again) and docs/config.md.
 * It follows the input form, as people write it. The items of `sources` and `sinks` are looked up by their type.
 */
import { z } from "zod";
import type { Adapters } from "./adapters.ts";
import { createConfigSchema } from "./schema.ts";

/** The parts of JSON Schema that zod writes and we read. */
export type Shape = {
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Shape;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
};

/** Path of keys and indexes from the top of the file. */
export type KeyPath = readonly PropertyKey[];

/** Shape of any zod schema in its input form. */
export function toShape(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Shape;
}

/** Answers questions about a configuration's keys. `raw` is the parsed file, for the types of sources and sinks. */
export type ShapeReader = { at(path: KeyPath): Shape | null; keysAt(path: KeyPath): readonly string[] };

/** Reads shapes of the whole configuration and of the adapters in it. */
export function createShapeReader(adapters: Adapters, raw: unknown): ShapeReader {
  const whole = toShape(createConfigSchema(adapters));
  const at = (path: KeyPath): Shape | null => {
    const [section, index, ...rest] = path;
    if ((section !== "sources" && section !== "sinks") || index === undefined) return walk(whole, path);
    const type = valueAt(raw, [section, index, "type"]);
    const registry = adapters[section];
    const entry = typeof type === "string" && Object.hasOwn(registry, type) ? registry[type] : undefined;
    return entry === undefined ? null : walk(toShape(entry.schema), rest);
  };
  return { at, keysAt: (path) => branches(at(path)).flatMap(({ properties }) => Object.keys(properties ?? {})) };
}

/** The value at a path of own keys; undefined where a step is missing. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  let current: unknown = root;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}

function walk(shape: Shape, path: KeyPath): Shape | null {
  const [key, ...rest] = path;
  if (key === undefined) return shape;
  for (const branch of branches(shape)) {
    const next = typeof key === "number" ? branch.items : child(branch, String(key));
    const found = next === undefined ? null : walk(next, rest);
    if (found !== null) return found;
  }
  return null;
}

function child(shape: Shape, key: string): Shape | undefined {
  const { properties = {}, additionalProperties } = shape;
  if (Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** A shape and its alternatives. */
function branches(shape: Shape | null): readonly Shape[] {
  if (shape === null) return [];
  return [shape, ...[...(shape.anyOf ?? []), ...(shape.oneOf ?? [])].flatMap((branch) => branches(branch))];
}
