/**
 * A strict reader of Prometheus' text format 0.0.4, for tests: it refuses what a scraper would refuse or misread.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export type Family = {
  readonly type: string;
  readonly help: string;
  /** By the sample's name and its labels, sorted: `name{a="1"}`. */
  readonly samples: Map<string, number>;
};

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Families by name. Throws with the line for anything that is not exactly as the format says. */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let current = "";
  if (!text.endsWith("\n")) throw new Error("the text must end with a line end");
  for (const line of text.split("\n").slice(0, -1)) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, what, name = "", rest = ""] = comment;
      if (!NAME.test(name) || families.has(name)) throw new Error(`name or order: ${line}`);
      if (what === "HELP") helps.set(name, rest);
      else {
        if (!["counter", "gauge", "histogram"].includes(rest)) throw new Error(`type: ${line}`);
        if (!helps.has(name)) throw new Error(`no HELP before: ${line}`);
        families.set(name, { type: rest, help: String(helps.get(name)), samples: new Map() });
        current = name;
      }
      continue;
    }
    if (line.startsWith("#")) throw new Error(`comment: ${line}`);
    addSample(line, current, families.get(current));
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function addSample(line: string, current: string, family: Family | undefined): void {
  const { name, labels, rest } = parseHead(line);
  const bare = family?.type === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name;
  if (family === undefined || bare !== current) throw new Error(`outside of its family: ${line}`);
  if (!/^(NaN|[+-]Inf|[+-]?\d+(\.\d+)?(e[+-]?\d+)?)$/.test(rest)) throw new Error(`value: ${line}`);
  const names = labels.map(([label]) => label);
  if (new Set(names).size < names.length) throw new Error(`a label stands twice: ${line}`);
  const key = toKey(name, Object.fromEntries(labels));
  if (family.samples.has(key)) throw new Error(`a series stands twice: ${line}`);
  family.samples.set(key, rest === "+Inf" ? Infinity : Number(rest));
}

/** The key of a sample. */
export function toKey(name: string, labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return parts.length === 0 ? name : `${name}{${parts.join(",")}}`;
}

function parseHead(line: string): { name: string; labels: [string, string][]; rest: string } {
  const name = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line)?.[0] ?? "";
  let at = name.length;
  const labels: [string, string][] = [];
  if (line[at] === "{") {
    at += 1;
    while (line[at] !== "}") {
      const found = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"/.exec(line.slice(at));
      if (found === null) throw new Error(`labels: ${line}`);
      labels.push([String(found[1]), String(found[2]).replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c))]);
      at += found[0].length;
      if (line[at] === ",") at += 1;
      else if (line[at] !== "}") throw new Error(`labels: ${line}`);
    }
    at += 1;
  }
  if (name === "" || line[at] !== " ") throw new Error(`sample: ${line}`);
  return { name, labels, rest: line.slice(at + 1) };
}

function checkFamily(name: string, { type, samples }: Family): void {
  if (samples.size === 0) throw new Error(`${name} has no sample`);
  if (type === "counter" && !name.endsWith("_total")) throw new Error(`${name}: a counter ends in _total`);
  if (type !== "counter" && name.endsWith("_total")) throw new Error(`${name}: only a counter ends in _total`);
  if (type !== "histogram") return;
  for (const [key, count] of samples) {
    if (!key.startsWith(`${name}_count`)) continue;
    const others = key.slice(`${name}_count`.length).replace(/^\{|\}$/g, "");
    const buckets = [...samples]
      .filter(([other]) => other.startsWith(`${name}_bucket{`) && withoutLe(other, name) === others)
      .map(([other, value]) => [Number(/le="([^"]+)"/.exec(other)?.[1]?.replace("+Inf", "Infinity")), value] as const);
    const sorted = buckets.toSorted(([left], [right]) => left - right);
    if (sorted.at(-1)?.[0] !== Infinity || sorted.at(-1)?.[1] !== count)
      throw new Error(`${key}: +Inf is not the count`);
    if (sorted.some(([, value], index) => value < (sorted[index - 1]?.[1] ?? 0)))
      throw new Error(`${key}: not cumulative`);
    if (!samples.has(key.replace("_count", "_sum"))) throw new Error(`${key}: no sum`);
  }
}

function withoutLe(key: string, name: string): string {
  const inner = key.slice(`${name}_bucket{`.length, -1);
  return inner.replace(/(^|,)le="[^"]*"/, "").replace(/^,/, "");
}
