/**
 * The rules of the reload runs, and the table of migrations that a reload can be: each move changes them in one way.
 *
 * They are plain settings from which files and lists are written, so that a move is a small change of a setting.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/lib/random.ts";
import type { ListTable } from "../../src/sigma/compile.ts";

/** What the rules are at a moment. */
export type Settings = {
  readonly fewReads: number;
  /** A condition that more events make untrue: judged at the end of its bucket. */
  readonly quietReads: number;
  readonly manyReadsSpan: string;
  readonly modelCalls: readonly string[];
  readonly burstGroup: string;
  readonly watched: readonly string[];
  readonly suppress: string;
  /** Rules that are not there at the moment. */
  readonly absent: ReadonlySet<string>;
  readonly words: string;
  readonly isBroken: boolean;
};

/** The rules of the first start. */
export const FIRST: Settings = {
  fewReads: 3,
  quietReads: 2,
  manyReadsSpan: "1h",
  modelCalls: ["InvokeModel", "Converse"],
  burstGroup: "enrich.principal.id",
  watched: ["GetObject"],
  suppress: "30m",
  absent: new Set(["keys"]),
  words: "first",
  isBroken: false,
};

const WATCHED = ["GetObject", "PutObject", "Decrypt", "AssumeRole", "DescribeInstances"] as const;
const OPTIONAL = ["copies", "keys", "watched_often", "few_reads"] as const;

/** What a reload can be, by name. */
export type Move =
  | "nothing changed"
  | "other words"
  | "threshold up or down"
  | "list entries"
  | "longer or shorter timespan"
  | "another suppression"
  | "another detection"
  | "another group-by"
  | "a rule removed or back"
  | "a broken file";

/** The table of migrations. */
export const MOVES: Readonly<Record<Move, (now: Settings, random: Random) => Settings>> = {
  "nothing changed": (now) => now,
  "other words": (now, random) => ({ ...now, words: random.hex(6) }),
  "threshold up or down": (now, random) => ({
    ...now,
    fewReads: random.int(2, 7),
    quietReads: random.int(1, 4),
  }),
  "list entries": (now, random) => ({ ...now, watched: WATCHED.filter(() => random.chance(0.5)) }),
  "longer or shorter timespan": (now, random) => ({
    ...now,
    manyReadsSpan: random.pick(["10m", "20m", "1h", "2h", "3h"]),
  }),
  "another suppression": (now, random) => ({ ...now, suppress: random.pick(["10m", "30m", "1h"]) }),
  "another detection": (now, random) => ({
    ...now,
    modelCalls: random.pick([["InvokeModel"], ["InvokeModel", "Converse"], ["InvokeModel", "Converse", "List"]]),
  }),
  "another group-by": (now, random) => ({
    ...now,
    burstGroup: random.pick(["enrich.principal.id", "awsRegion", "recipientAccountId"]),
  }),
  "a rule removed or back": (now, random) => {
    const name = random.pick(OPTIONAL);
    const absent = new Set(now.absent);
    if (!absent.delete(name)) absent.add(name);
    return { ...now, absent };
  },
  "a broken file": (now) => ({ ...now, isBroken: true }),
};

const LOGSOURCE = "logsource: {product: aws, service: cloudtrail}";

/** Writes the rules as they are now into `folder`, which then holds nothing else. */
export function writeSettings(folder: string, settings: Settings): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(toDocuments(settings)))
    if (!settings.absent.has(name)) writeFileSync(join(folder, `${name}.yml`), text);
  if (settings.isBroken) writeFileSync(join(folder, "broken.yml"), "title: Broken\nlevel: lou\ndetection: 7\n");
}

/** The lists as the configuration has them. */
export function toLists({ watched }: Settings): Record<string, { type: string; values: readonly string[] }> {
  return { watched_calls: { type: "string", values: watched } };
}

/** The lists as a judge reads them. */
export function toListTable({ watched }: Settings): ListTable {
  return new Map([["watched_calls", { type: "string", items: watched }]]);
}

function toDocuments(now: Settings): Record<string, string> {
  const { words } = now;
  const burst = { group: now.burstGroup };
  return {
    reads: detection("reads", "{eventName|startswith: [Get, List, Describe]}", { words }),
    calls_model: detection("calls_model", `{eventName|startswith: [${now.modelCalls.join(", ")}]}`, { words }),
    watched: detection("watched", "{eventName|expand: '%watched_calls%'}", { words }),
    gets: detection("gets", "{eventName: GetObject}", { words }),
    puts: detection("puts", "{eventName: PutObject}", { words }),
    keys: detection("keys", "{eventName: [CreateAccessKey, ConsoleLogin, GetSecretValue]}", { words }),
    assumes: detection("assumes", "{eventName: [AssumeRole, Decrypt]}", {
      words,
      more: `x_engine:\n  suppress: ${now.suppress}\n  group-by: [enrich.principal.id]\n`,
    }),
    few_reads: count("few_reads", "reads", { words, timespan: "10m", condition: `{gte: ${now.fewReads}}` }),
    quiet_reads: count("quiet_reads", "reads", { words, timespan: "20m", condition: `{lte: ${now.quietReads}}` }),
    many_reads: count("many_reads", "reads", { words, timespan: now.manyReadsSpan, condition: "{gt: 4}" }),
    model_burst: count("model_burst", "calls_model", { words, timespan: "5m", condition: "{gte: 3}", ...burst }),
    watched_often: count("watched_often", "watched", { words, timespan: "30m", condition: "{gte: 2}" }),
    copies: correlation("copies", "  type: temporal_ordered\n  rules: [gets, puts]\n  timespan: 2h\n", { words }),
  };
}

type Words = { readonly words: string; readonly group?: string };

function detection(name: string, body: string, { words, more = "" }: { words: string; more?: string }): string {
  return `title: Reload ${name} ${words}\nname: ${name}\nlevel: low\n${LOGSOURCE}\ndetection:\n  sel: ${body}\n  condition: sel\n${more}`;
}

function correlation(name: string, body: string, { words, group = "enrich.principal.id" }: Words): string {
  return `title: Reload ${name} ${words}\nname: ${name}\nlevel: high\ncorrelation:\n  group-by: [${group}]\n${body}`;
}

function count(name: string, rule: string, of: Words & { timespan: string; condition: string }): string {
  const body = `  type: event_count\n  rules: [${rule}]\n  timespan: ${of.timespan}\n  condition: ${of.condition}\n`;
  return correlation(name, body, of);
}
