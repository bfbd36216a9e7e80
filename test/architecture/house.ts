/**
 * The house rules as a table: who may import whom, which words stand in which file only, and how long things may get.
 *
 * This is the one place to change when a rule of the house changes; test/architecture/checks.ts only reads it. An entry
 * of a list of exceptions carries its reason. Nothing here looks at the tree.
 */

/** A part of src/: a folder, or one of the files main.ts, compose.ts, contracts.ts, named without the ending. */
export type Part = {
  /** Parts it may import, type-only imports included; itself is always allowed, main never. */
  readonly imports: readonly string[] | "all";
  /** Packages it may import; "@x/" stands for every package of that scope. */
  readonly packages?: readonly string[];
  /** Node's own modules it may import; absent: all but those that RESERVED_BUILTINS gives to others. */
  readonly builtins?: readonly string[];
  /** Whether `await`, `async` and `new Promise` may stand here. */
  readonly waits: boolean;
};

/** Node's modules that neither wait, read a clock nor do I/O. */
const PURE = ["node:assert", "node:buffer", "node:crypto", "node:string_decoder", "node:util"] as const;
const AWS = ["@aws-sdk/", "@smithy/"] as const;
const CORE = ["contracts", "model", "lib"] as const;

/** The import table of the architecture, bottom up. */
export const PARTS: Readonly<Record<string, Part>> = {
  lib: { imports: [], waits: true },
  model: { imports: ["lib"], packages: ["zod"], builtins: PURE, waits: false },
  contracts: { imports: ["model", "lib"], builtins: [], waits: false },
  sigma: { imports: ["model", "lib"], packages: ["yaml", "re2js"], builtins: PURE, waits: false },
  decode: { imports: CORE, builtins: PURE, waits: false },
  encode: { imports: CORE, packages: ["luxon"], builtins: PURE, waits: false },
  match: { imports: ["sigma", ...CORE], packages: ["luxon"], builtins: PURE, waits: false },
  simulate: { imports: ["model", "lib"], packages: ["luxon"], waits: true },
  detect: { imports: ["sigma", ...CORE], packages: ["luxon"], builtins: PURE, waits: false },
  rules: { imports: ["sigma", ...CORE], packages: ["zod"], waits: true },
  aws: { imports: CORE, packages: ["zod", ...AWS], waits: true },
  kafka: { imports: [...CORE, "aws"], packages: ["zod", "kafkajs", "kafkajs/"], waits: true },
  sources: { imports: [...CORE, "aws", "kafka"], packages: ["zod", "kafkajs", ...AWS], waits: true },
  enrich: { imports: [...CORE, "aws"], packages: ["zod", ...AWS], waits: true },
  sinks: {
    imports: [...CORE, "aws", "kafka", "encode"],
    packages: ["zod", "luxon", "kafkajs", ...AWS],
    waits: true,
  },
  respond: { imports: [...CORE, "aws"], packages: ["zod", ...AWS], waits: true },
  store: { imports: CORE, waits: true },
  pipeline: { imports: CORE, waits: true },
  ops: { imports: CORE, packages: ["pino", "zod", "@opentelemetry/", "fastify", "@fastify/"], waits: true },
  config: { imports: CORE, packages: ["zod", "yaml"], waits: true },
  commands: { imports: "all", packages: ["commander", "luxon", "yaml", "zod"], waits: true },
  compose: { imports: "all", waits: true },
  main: { imports: "all", packages: ["commander"], waits: true },
};

/** Single files open to a part that may not import the rest of their folder. */
export const OPEN_FILES: readonly { readonly by: readonly string[]; readonly file: RegExp; readonly reason: string }[] =
  [
    {
      by: ["sources"],
      file: /^src\/decode\/envelopes?(-[a-z-]+)?\.ts$/,
      reason: "a source unwraps SQS, SNS and EventBridge before it can find records",
    },
    {
      by: ["ops", "config"],
      file: /^src\/(sources|enrich|sinks|respond)\/registry\.ts$/,
      reason: "the config schema and its pages are made from the adapters' schemas",
    },
  ];

/** Parts that only the listed parts may import. */
export const IMPORTED_ONLY_BY: Readonly<Record<string, readonly string[]>> = {
  main: [],
  compose: ["main", "commands"],
  commands: ["main"],
};

/** Node's modules that belong to some files, whatever the table says. */
export const RESERVED_BUILTINS: readonly {
  readonly module: RegExp;
  readonly files: RegExp;
  readonly instead: string;
}[] = [
  { module: /^node:timers/, files: /^src\/lib\/clock\.ts$/, instead: "take a Clock" },
  { module: /^node:sqlite$/, files: /^src\/store\//, instead: "SQL stands only in store/" },
  {
    module: /^node:fs/,
    files: /^src\/(?!pipeline\/|simulate\/(?!writer\.ts$))/,
    instead: "pipeline/ touches no files; of simulate/ only writer.ts does",
  },
];

/** Words that stand only in the files named; `files` null: nowhere in src/. */
export const RESERVED_WORDS: Readonly<Record<string, { readonly files: RegExp | null; readonly instead: string }>> = {
  "Date.now": { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock and ask nowMs()" },
  "new Date()": { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock and ask nowMs()" },
  "performance.now": { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock and ask monotonicMs()" },
  "process.hrtime": { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock and ask monotonicMs()" },
  "AbortSignal.timeout": { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock" },
  setTimeout: { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock and sleep()" },
  setInterval: { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock and sleep() in a loop" },
  "Math.random": { files: /^src\/lib\/clock\.ts$/, instead: "take a Clock, or a seeded generator" },
  "process.env": { files: /^src\/config\/load\.ts$/, instead: "let config/load.ts read it into the config" },
  "process.exit": { files: /^src\/main\.ts$/, instead: "throw, or return an exit code to main.ts" },
  console: { files: null, instead: "emit a signal, or write to the stream that you were given" },
  require: { files: null, instead: "use import" },
  createRequire: { files: null, instead: "use import" },
  "process.getBuiltinModule": { files: null, instead: "use import" },
  "default export": { files: null, instead: "export it by its name" },
  "computed import()": { files: null, instead: "name the module in a string, so that the import table can see it" },
};

/** Files outside match/ and decode/ that parse JSON, and what they parse, for it must not be a record. */
export const JSON_READERS: Readonly<Record<string, string>> = {
  "src/compose/last-good.ts": "the last good rule set, as this file wrote it",
  "src/compose/warming.ts": "until when rules warm up, as this file wrote it",
  "src/model/alert.ts": "group keys: canonical text that this file wrote itself",
  "src/model/integrity/digest.ts": "digest files of CloudTrail, which hold no records",
  "src/ops/control.ts": "requests and answers on the daemon's own socket",
  "src/rules/cases.ts": "case files, whose events are handed on as bytes",
  "src/sinks/http/answer.ts": "answers of receivers",
  "src/store/output/additions.ts": "additions of alerts, as the store wrote them",
  "src/store/alerts.ts": "contents of alerts, as the store wrote them",
  "src/store/codec.ts": "columns that this file wrote itself",
  "src/store/windows/body.ts": "bodies of parts, as this file wrote them",
  "src/store/windows/older.ts": "columns of older schemas, as the store wrote them",
  "src/store/windows/pack.ts": "facts of packs, as this file wrote them",
  "src/store/lock.ts": "who holds the lock, as the holder wrote it",
};

export const LIMITS: {
  readonly fileLines: number;
  readonly folderFiles: number;
  readonly functionLines: number;
  readonly factoryLines: number;
} = {
  fileLines: 400,
  folderFiles: 14,
  functionLines: 60,
  /** A `createX` in whole: its inner functions are each held to functionLines, as are the lines around them. */
  factoryLines: 200,
};

/** Files with a limit of their own, in lines. */
export const FILE_LIMITS: Readonly<Record<string, number>> = { "src/main.ts": 60, "src/compose.ts": 250 };

/** Data tables that may be longer than a file should, and why. */
export const LONG_FILES: Readonly<Record<string, string>> = {
  "src/encode/attack-table.ts": "generated from MITRE's own files by tools/make-attack-table.ts",
  "src/sigma/api/table.ts": "generated from botocore's models by tools/make-api-table.ts",
};
