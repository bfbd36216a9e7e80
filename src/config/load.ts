/**
 * Finds, reads and checks the configuration file; the only reader of process.env.
 *
 * Search order: the path given by --config, $SAGEWATCH_CONFIG, ./sagewatch.yml, /etc/sagewatch/sagewatch.yml. A file that
 * was named must exist; where none was named and none is found, every key has its default. Relative paths inside the file
 * are meant from the folder in which the command runs. All faults are told at once.
 */
import { existsSync, readFileSync } from "node:fs";
import { isScalar, LineCounter, parseDocument, visit } from "yaml";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { Adapters } from "./adapters.ts";
import { type Fault, type ParsedFile, placeOf, toFaults, toPathText } from "./faults.ts";
import { parseHttpDefault } from "./http.ts";
import { type Config, createConfigSchema } from "./schema.ts";
import { type Environment, fillSecrets } from "./secrets.ts";
import { createShapeReader, valueAt } from "./shape.ts";

export { isShippedRule, loadEngineVersion, SHIPPED_RULES } from "./shipped.ts";

/** A configuration and where it came from. */
export type LoadedConfig = {
  readonly config: Config;
  /** The file, or null when there was none. */
  readonly path: string | null;
  /** False while nobody defined the calendar `business`: its default may be wrong for the organisation. */
  readonly definesBusiness: boolean;
};

export type LoadOptions = {
  /** Value of --config. */
  readonly path?: string | undefined;
  readonly adapters: Adapters;
  /** Default: the variables of this process. */
  readonly environment?: Environment;
  /** "unread" for a command that uses no secret: an analyst who looks at alerts needs none. Default "needed". */
  readonly secrets?: "needed" | "unread";
};

/** Variables that Sagewatch reads, and what for. docs/config.md lists them. */
export const VARIABLES = {
  SAGEWATCH_CONFIG: "Path of the configuration file, where --config is not given.",
  SAGEWATCH_STATE_DIR: "Default of `state.dir`. The container image sets /var/lib/sagewatch.",
  SAGEWATCH_HTTP:
    "Default of `http`: HOST:PORT to listen on, or off. The container image sets 0.0.0.0:9464; what the file says stands over it.",
  COLUMNS: "Width of tables where standard output is no terminal; a terminal says its own.",
  NO_COLOR: "Any value: no colours on the terminal (https://no-color.org).",
} as const;

/** Places that are searched, in this order, when no path was given. */
export const SEARCH_PATHS: readonly string[] = ["./sagewatch.yml", "/etc/sagewatch/sagewatch.yml"];

/** Screen cells of a line that $COLUMNS asks for; undefined when it is no whole number of 20 or more. */
export function loadColumns(environment: Environment = process.env): number | undefined {
  const text = environment["COLUMNS"] ?? "";
  return /^\d{2,4}$/.test(text) && Number(text) >= 20 ? Number(text) : undefined;
}

/** Finds and reads the configuration. Errors: config_missing (a named file), config_invalid, secret_plain, secret_missing. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const environment = options.environment ?? process.env;
  const path = findConfig(options.path, environment);
  return parseConfig(path === null ? "" : readConfig(path), { ...options, environment, path });
}

/** Checks the text of a configuration. `path` names it in messages; null: there is no file. Errors as loadConfig. */
export function parseConfig(
  text: string,
  options: Omit<LoadOptions, "path"> & { readonly path: string | null },
): LoadedConfig {
  const { adapters, environment = {}, path } = options;
  const name = path ?? "the configuration";
  const lines = new LineCounter();
  const document = parseYaml(text, { lines, name });
  const syntax = document.errors.map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0]);
    return { line: Math.max(line, 1), column: Math.max(col, 1), text: message, isPlainSecret: false };
  });
  if (syntax.length > 0) throw refuse(name, syntax);
  const raw = toPlain(document, { lines, name }) ?? {};
  const file: ParsedFile = { document, lines, raw };
  const defaults = {
    stateDir: environment["SAGEWATCH_STATE_DIR"] || undefined,
    http: parseHttpDefault(environment["SAGEWATCH_HTTP"]),
  };
  const result = createConfigSchema(adapters, defaults).safeParse(raw);
  if (!result.success) throw refuse(name, toFaults(file, createShapeReader(adapters, raw), result.error.issues));
  const lost = (options.secrets === "unread" ? [] : fillSecrets(result.data, environment)).map(({ path, text }) => ({
    ...placeOf(file, path),
    text: `${toPathText(path)}: ${text}`,
    isPlainSecret: false,
  }));
  if (lost.length > 0) throw new SagewatchError("secret_missing", listFaults(name, lost));
  return { config: result.data, path, definesBusiness: definesBusiness(raw) };
}

function definesBusiness(raw: unknown): boolean {
  const places = [["calendars"], ["tuning", "calendars"]];
  return places.some((path) => valueAt(raw, [...path, "business"]) !== undefined);
}

function findConfig(given: string | undefined, environment: Environment): string | null {
  const variable = environment["SAGEWATCH_CONFIG"] || undefined;
  const named = given ?? variable;
  if (named === undefined) return SEARCH_PATHS.find((path) => existsSync(path)) ?? null;
  if (existsSync(named)) return named;
  throw new SagewatchError(
    "config_missing",
    `${given === undefined ? "$SAGEWATCH_CONFIG" : "--config"} names ${named}, which does not exist`,
  );
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new SagewatchError("config_invalid", `${path} cannot be read: ${toMessage(error)}`, { cause: error });
  }
}

/** Parses with the package's warnings off: they would go to stderr as lines that are no log. */
function parseYaml(
  text: string,
  { lines, name }: { lines: LineCounter; name: string },
): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  } catch (error) {
    // The package recurses; only nesting that exhausts the stack gets here.
    throw new SagewatchError("config_invalid", `${name} nests too deep to be read; a configuration needs six levels`, {
      cause: error,
    });
  }
}

/** A key that is a map, a list or an alias, or null. No key of ours is, and making texts of nested ones takes exponential time. */
function findOddKey(document: ReturnType<typeof parseDocument>, lines: LineCounter): Fault | null {
  let found: Fault | null = null;
  visit(document, {
    Pair: (_at, { key }) => {
      if (key === null || isScalar(key)) return undefined;
      const { line, col } = lines.linePos((key as { range?: readonly number[] | null }).range?.[0] ?? 0);
      const text = "a key must be a plain text, not a map, list or alias";
      found = { line: Math.max(line, 1), column: Math.max(col, 1), text, isPlainSecret: false };
      return visit.BREAK;
    },
  });
  return found;
}

function toPlain(
  document: ReturnType<typeof parseDocument>,
  { lines, name }: { lines: LineCounter; name: string },
): unknown {
  let oddKey: Fault | null;
  try {
    oddKey = findOddKey(document, lines);
    if (oddKey === null) return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    throw new SagewatchError("config_invalid", `${name}: ${toMessage(error)}`, { cause: error });
  }
  throw refuse(name, [oddKey]);
}

function refuse(name: string, faults: readonly Fault[]): SagewatchError {
  const code = faults.every(({ isPlainSecret }) => isPlainSecret) ? "secret_plain" : "config_invalid";
  return new SagewatchError(code, listFaults(name, faults));
}

function listFaults(name: string, faults: readonly Omit<Fault, "isPlainSecret">[]): string {
  const lines = faults.map(({ line, column, text }) => `${name}:${line}:${column}: ${text}`);
  return lines.length === 1
    ? String(lines[0])
    : [`${name} has ${lines.length} errors`, ...lines.map((line) => `  ${line}`)].join("\n");
}
