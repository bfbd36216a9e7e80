/**
 * deploy/helm, as far as it can be held to account without Helm: versions, values, their schema, and the words that the
 * templates use of them. What Helm makes of it: helm-rendered.test.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";

const root = join(import.meta.dirname, "../..");
const chart = join(root, "deploy/helm/sagewatch");
const read = (path: string): string => readFileSync(path, "utf8");

type Values = {
  readonly config: { readonly sources: readonly unknown[]; readonly sinks: readonly { readonly type: string }[] };
  readonly secretEnv: Readonly<Record<string, unknown>>;
  readonly secretFiles: readonly { readonly mountPath: string }[];
} & Readonly<Record<string, unknown>>;
const values = parse(read(join(chart, "values.yaml"))) as Values;
const eks = parse(read(join(root, "deploy/helm/eks.yml"))) as Values;
const templates = readdirSync(join(chart, "templates")).map((name) => read(join(chart, "templates", name)));
const isValid = new Ajv().compile(JSON.parse(read(join(chart, "values.schema.json"))) as object);

/** Paths to all that a mapping holds; a mapping that users fill (empty, or config) ends its path. */
function pathsOf(value: unknown, path = ""): string[] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [path];
  const keys = Object.keys(value);
  if (keys.length === 0 || path === "config" || path === "resources") return [path];
  return keys.flatMap((key) => pathsOf((value as Record<string, unknown>)[key], path === "" ? key : `${path}.${key}`));
}

/** The configuration of values as the daemon would read it, with the variables that the values bring. */
function configOf({ config, secretEnv }: Values): ReturnType<typeof parseConfig>["config"] {
  const environment = Object.fromEntries(Object.keys(secretEnv).map((name) => [name, "https://secret.example/"]));
  return parseConfig(stringify(config), { adapters: ADAPTERS, path: null, environment }).config;
}

test("the chart has the version of the program", () => {
  const { version } = JSON.parse(read(join(root, "package.json"))) as { version: string };
  expect(parse(read(join(chart, "Chart.yaml")))).toMatchObject({ name: "sagewatch", version, appVersion: version });
});

test("the configuration of the values is one that Sagewatch takes, and what it lacks is a source", () => {
  const config = configOf(values);
  expect(config.sources).toEqual([]);
  expect(config.sinks.map(({ type }) => type)).toEqual(["console"]);
});

describe("the example for EKS", () => {
  test("is valid, in its values and in its configuration", () => {
    expect(isValid(eks)).toBe(true);
    const config = configOf(eks);
    expect(config.sources.map(({ type }) => type)).toEqual(["sqs-eventbridge", "sqs-s3"]);
    expect(config.sinks.map(({ type }) => type)).toEqual(["console", "eventbridge", "slack", "kafka"]);
  });

  test("brings each secret that the configuration names, and each file", () => {
    const text = JSON.stringify(eks.config);
    const named = [...text.matchAll(/"env":"([A-Z_]+)"/g)].map(([, name]) => name);
    expect(named).toEqual(Object.keys(eks.secretEnv));
    const files = [...text.matchAll(/"(\/etc\/[^"]+)"/g)].map(([, file]) => file ?? "");
    expect(files.length).toBe(1);
    expect(files.filter((file) => !eks.secretFiles.some(({ mountPath }) => file.startsWith(`${mountPath}/`)))).toEqual(
      [],
    );
  });
});

describe("the schema of the values", () => {
  test("takes the values as they are shipped, and knows each of them", () => {
    expect(isValid(values), JSON.stringify(isValid.errors)).toBe(true);
    for (const key of Object.keys(values)) {
      const spoiled = { ...values, [key]: undefined, [`${key}x`]: values[key] };
      expect([key, isValid(JSON.parse(JSON.stringify(spoiled)))]).toEqual([key, false]);
    }
  });

  test.each([
    ["a secret in plain text", { secretEnv: { TOKEN: "abc" } }],
    ["a digest that is none", { image: { digest: "latest" } }],
    ["a user name for a role", { serviceAccount: { roleArn: "arn:aws:iam::111122223333:user/me" } }],
    ["a volume that several nodes may write", { persistence: { accessMode: "ReadWriteMany" } }],
    ["less time than a drain takes", { terminationGracePeriodSeconds: 5 }],
    ["a misspelt key below the first level", { persistence: { sise: "20Gi" } }],
    ["no sinks", { config: { sources: [] } }],
  ])("refuses %s", (_what, part) => {
    expect(isValid({ ...values, ...part })).toBe(false);
  });
});

test("each value is used by a template, and each word of a template is a value", () => {
  const used = new Set(
    templates.flatMap((text) => [...text.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path]) => path ?? "")),
  );
  const declared = pathsOf(values);
  const isUsed = (path: string): boolean => [...used].some((one) => one === path || path.startsWith(`${one}.`));
  expect(declared.filter((path) => !isUsed(path))).toEqual([]);
  const isDeclared = (path: string): boolean => declared.some((one) => one === path || one.startsWith(`${path}.`));
  expect([...used].filter((path) => !isDeclared(path))).toEqual([]);
});
