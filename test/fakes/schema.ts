/**
 * What the AWS SDK's clients know of their services: operations, shapes and errors, as tuples they export.
 *
 * The one place that knows these tuples and NormalizedSchema, both exported and undocumented: schema.test.ts pins their
 * form, so that an update of the SDK that changes it fails there by name. It reads schemas and checks values against
 * them; it sends nothing. Schemas hold names, types, required counts and HTTP bindings, but no enums, lengths or patterns.
 */
import { NormalizedSchema } from "@smithy/core/schema";

/** A client package: `import * as module from "@aws-sdk/client-x"`. */
export type ClientModule = Readonly<Record<string, unknown>>;
/** A schema as the SDK hands it about. */
export type Schema = Parameters<typeof NormalizedSchema.of>[0];
export type Shape = NormalizedSchema;

/** One operation of a service. `http` is [method, path, status] where the protocol is REST. */
export type Operation = {
  readonly name: string;
  readonly http: readonly [method: string, path: string, status: number] | null;
  readonly input: Schema;
  readonly output: Schema;
};

/** Tags of the tuples: an operation, a structure, an error. */
export const TUPLE = { operation: 9, structure: 3, error: -3 } as const;

type Tuple = readonly [tag: number, namespace: string, name: string, traits: unknown, ...rest: unknown[]];

/** Tuples of a module with this tag, by name. */
export function tuplesOf(module: ClientModule, tag: number): ReadonlyMap<string, Tuple> {
  const found = Object.entries(module).filter(
    ([key, value]) => key.endsWith("$") && Array.isArray(value) && value[0] === tag,
  );
  return new Map(found.map(([, value]) => [(value as Tuple)[2], value as Tuple]));
}

/** All operations of a client, by name. */
export function operationsOf(module: ClientModule): ReadonlyMap<string, Operation> {
  return new Map(
    [...tuplesOf(module, TUPLE.operation)].map(([name, [, , , traits, input, output]]) => [
      name,
      {
        name,
        http: ((traits as { http?: Operation["http"] } | 0) || {}).http ?? null,
        input: input as Schema,
        output: output as Schema,
      },
    ]),
  );
}

/** HTTP status of an error that the client models; null for one it does not know. */
export function errorStatus(module: ClientModule, code: string): number | null {
  const errors = tuplesOf(module, TUPLE.error);
  const tuple =
    errors.get(code) ?? [...errors.values()].find(([, , , traits]) => queryCode(traits) === code) ?? undefined;
  if (tuple === undefined) return null;
  const traits = (tuple[3] as { httpError?: number; error?: string } | 0) || {};
  return traits.httpError ?? (traits.error === "server" ? 500 : 400);
}

/** Query protocols name some errors otherwise than their shapes. */
function queryCode(traits: unknown): string | undefined {
  return ((traits as { awsQueryError?: readonly [string, number] } | 0) || {}).awsQueryError?.[0];
}

/** The shape of a schema, its members and traits to be asked. */
export function toShape(schema: Schema): Shape {
  return NormalizedSchema.of(schema);
}

/** A structure's own members in order, and how many of the first are required. */
export function membersOf(shape: Shape): { readonly names: readonly string[]; readonly required: number } {
  const raw = shape.getSchema() as unknown as readonly unknown[] | string;
  // The unit shape ("unit") of operations without input or output.
  if (!Array.isArray(raw)) return { names: [], required: 0 };
  return { names: (raw[4] as readonly string[] | undefined) ?? [], required: (raw[6] as number | undefined) ?? 0 };
}

/** Every way in which a value breaks its schema, one line each: unknown members, missing required ones, wrong types. */
export function checkShape(schema: Schema, value: unknown, path: string = "$"): readonly string[] {
  const shape = NormalizedSchema.of(schema);
  if (value === undefined || value === null) return [];
  if (shape.isStructSchema()) return checkStructure(shape, value, path);
  if (shape.isListSchema()) {
    if (!Array.isArray(value)) return [`${path}: not a list`];
    return value.flatMap((item, at) => checkShape(shape.getValueSchema(), item, `${path}[${at}]`));
  }
  if (shape.isMapSchema()) {
    if (typeof value !== "object") return [`${path}: not a map`];
    return Object.entries(value).flatMap(([key, item]) => checkShape(shape.getValueSchema(), item, `${path}.${key}`));
  }
  const wanted = toType(shape);
  if (wanted === null || (wanted === "Date" ? value instanceof Date : typeof value === wanted)) return [];
  return [`${path}: not a ${wanted}`];
}

function toType(shape: Shape): "Date" | "string" | "number" | "boolean" | null {
  if (shape.isTimestampSchema()) return "Date";
  if (shape.isStringSchema()) return "string";
  if (shape.isNumericSchema()) return "number";
  return shape.isBooleanSchema() ? "boolean" : null;
}

function checkStructure(shape: Shape, value: unknown, path: string): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path}: not an object`];
  const object = value as Readonly<Record<string, unknown>>;
  const { names, required } = membersOf(shape);
  const unknown = Object.keys(object).filter((key) => !key.startsWith("$") && !names.includes(key));
  const missing = names.slice(0, required).filter((key) => object[key] === undefined);
  return [
    ...unknown.map((key) => `${path}.${key}: no such member of ${shape.getName() ?? "?"}`),
    ...missing.map((key) => `${path}.${key}: required by ${shape.getName() ?? "?"}`),
    ...[...shape.structIterator()].flatMap(([key, member]) => checkShape(member, object[key], `${path}.${key}`)),
  ];
}
