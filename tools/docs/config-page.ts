/**
 * docs/config.md: every key of the configuration with type, default and meaning, from the schemas themselves.
 */
import { z } from "zod";
import { ADAPTERS } from "../../src/config/registries.ts";
import { SEARCH_PATHS, VARIABLES } from "../../src/config/load.ts";
import { createConfigSchema } from "../../src/config/schema.ts";
import { type Shape, toShape } from "../../src/config/shape.ts";
import { formatDuration, formatSize } from "../../src/lib/duration.ts";
import { table } from "./table.ts";

/** Text of the page. */
export function makeConfigPage(): string {
  const { properties: sections = {} } = toShape(createConfigSchema(ADAPTERS));
  const top = Object.entries(sections).flatMap(([name, shape]) => section(name, shape));
  const adapters = (["sources", "sinks"] as const).flatMap((kind) =>
    Object.entries(ADAPTERS[kind]).flatMap(([type, { schema }]) => [
      `### ${kind}, \`type: ${type}\``,
      "",
      keyTable(toShape(schema), toOutputShape(schema)),
      "",
    ]),
  );
  const variables = Object.entries(VARIABLES).map(([name, what]) => [`\`${name}\``, what]);
  return `${[
    "# Configuration",
    "",
    `One YAML file. It is looked for in this order: \`--config FILE\`, \`$SAGEWATCH_CONFIG\`, ${SEARCH_PATHS.map((path) => `\`${path}\``).join(", ")}. \`sagewatch init\` writes a commented one, \`sagewatch config print\` shows what runs.`,
    "",
    "Unknown keys are refused, and all errors are told at once, each with line and column. Durations are texts such as `90s`, `30m`, `1h30m`, `7d`; sizes are texts such as `4 MiB`, or bytes. Relative paths are meant from the folder in which the command runs.",
    "",
    "A secret is never written into the file: `{env: NAME}` reads a variable, `{file: PATH}` a file. Plain text in its place is refused, and no output ever shows the value. Commands that deliver nothing (`alerts`, `replay`, `rules`, `quarantine list`) do not read it, so they need no access to it.",
    "",
    "## Keys",
    "",
    ...top,
    "## Types of sources and sinks",
    "",
    ...adapters,
    "## Variables",
    "",
    table(["variable", "meaning"], variables),
  ].join("\n")}\n`;
}

/** What each key becomes, for defaults that are set after parsing. */
function toOutputShape(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }) as Shape;
}

/** A heading and the keys below it; a key without keys below is a table of one row. */
function section(name: string, shape: Shape): string[] {
  const heading = [`### ${name}`, "", shape.description ?? "", ""];
  if (name === "sources" || name === "sinks") return heading;
  const inner = typeof shape.additionalProperties === "object" ? shape.additionalProperties : shape;
  if (inner.properties === undefined) return [...heading, `${typeOf(shape)}, default ${defaultOf(shape, {})}.`, ""];
  const under = inner === shape ? "" : `Under each ${name === "accounts" ? "id" : "name"}:\n\n`;
  return [...heading, `${under}${keyTable(inner, inner)}`, ""];
}

function keyTable(shape: Shape, output: Shape): string {
  return table(["key", "type", "default", "meaning"], keyRows(shape, output, ""));
}

function keyRows(shape: Shape, output: Shape, prefix: string): string[][] {
  const required = new Set(shape.required);
  return Object.entries(shape.properties ?? {}).flatMap(([key, child]) => {
    const after = output.properties?.[key] ?? {};
    const name = `${prefix}${key}`;
    const items = child.items?.properties === undefined ? [] : keyRows(child.items, {}, `${name}[].`);
    if (child.properties !== undefined) return keyRows(child, after, `${name}.`);
    const without = required.has(key) ? "needed" : defaultOf(child, after);
    return [[`\`${name}\``, typeOf(child), without, child.description ?? ""], ...items];
  });
}

function typeOf(shape: Shape): string {
  if (shape.format === "duration" || shape.format === "size" || shape.format === "secret") return shape.format;
  if (shape.const !== undefined) return `\`${JSON.stringify(shape.const).replaceAll('"', "")}\``;
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (shape.anyOf !== undefined)
    return shape.anyOf
      .filter(({ type }) => type !== "null")
      .map(typeOf)
      .join(" or ");
  if (shape.type === "array") return `list of ${typeOf(shape.items ?? {})}`;
  if (shape.type === "object")
    return (
      Object.keys(shape.properties ?? {})
        .map((key) => `{${key}}`)
        .join("") || "mapping"
    );
  return (
    { integer: "whole number", boolean: "true or false", string: "text", undefined: "any value" }[String(shape.type)] ??
    String(shape.type)
  );
}

function defaultOf(shape: Shape, after: Shape): string {
  const value = shape.default ?? after.default;
  if (value === undefined || value === null) return "none";
  const text =
    typeof value === "number" && shape.format === "duration"
      ? formatDuration(value)
      : typeof value === "number" && shape.format === "size"
        ? formatSize(value)
        : typeof value === "string"
          ? value
          : JSON.stringify(value);
  return text === "" ? "empty" : `\`${text}\``;
}
