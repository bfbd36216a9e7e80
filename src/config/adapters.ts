/**
 * The lists `sources` and `sinks`: each item names its `type`, and the registry entry of that type says the rest.
 *
 * Kept apart from the schema so that a fault inside an item is told against the item's own keys, not against the union of
 * all types. An item without `name` takes its type as its name; names are unique in their list, since positions, outbox
 * and metrics are kept under them, and so are the files that items write. What a sink's `when` names elsewhere in the file
 * must be there: a name that nothing bears would keep every alert away in silence. Nothing is created here.
 */
import { resolve } from "node:path";
import { z } from "zod";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { When } from "../model/outbox.ts";

/**
 * What the configuration needs of a registry: the schema of each type, and for those that write a file (and others beside
 * it, as PATH.1, PATH.2 …) its path.
 */
export type AdapterRegistry = Readonly<
  Record<string, { readonly schema: z.ZodType; readonly writes?: (config: never) => string }>
>;
export type Adapters = { readonly sources: AdapterRegistry; readonly sinks: AdapterRegistry };

/** One item, its options resolved by the schema of its type. */
export type AdapterConfig = { readonly type: string; readonly name: string; readonly [option: string]: unknown };

/** Items of a registry's types. `what` is the word for messages: "source" or "sink". */
export function adapterListSchema(what: string, registry: AdapterRegistry): z.ZodType<readonly AdapterConfig[]> {
  return z
    .array(z.unknown())
    .default([])
    .transform((items, check) => {
      const parsed = items.map((item, index) => parseItem({ what, registry, item, index }, check));
      const seen = new Map<string, number>();
      parsed.forEach((item, index) => {
        if (item === null) return;
        checkFile({ what, registry, item, index }, parsed, check);
        const first = seen.get(item.name);
        if (first === undefined) return void seen.set(item.name, index);
        const message = `two ${what}s are called ${JSON.stringify(item.name)}; give each a \`name\` of its own`;
        check.issues.push({ code: "custom", input: item.name, path: [index, "name"], message });
      });
      return parsed.filter((item) => item !== null);
    });
}

/** Two that write one file would tear each other's lines; so would one whose file is what the other's rotates to. */
function checkFile({ what, registry, item, index }: Item, all: Parsed, check: z.RefinementCtx): void {
  const fileOf = (one: AdapterConfig | null): string | null => {
    const path = one === null ? undefined : registry[one.type]?.writes?.(one as never);
    return path === undefined ? null : resolve(path);
  };
  const file = fileOf(item as AdapterConfig);
  const first = all.slice(0, index).find((other) => isSameFile(fileOf(other), file));
  if (file === null || first === undefined || first === null) return;
  const message = `the ${what} ${JSON.stringify(first.name)} writes this file or those beside it (PATH.1 …); give each a \`path\` of its own`;
  check.issues.push({ code: "custom", input: file, path: [index, "path"], message });
}

function isSameFile(one: string | null, other: string | null): boolean {
  if (one === null || other === null) return false;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short === long || (long.startsWith(`${short}.`) && /^\d+$/.test(long.slice(short.length + 1)));
}

type Parsed = readonly (AdapterConfig | null)[];
type Item = {
  readonly what: string;
  readonly registry: AdapterRegistry;
  readonly item: unknown;
  readonly index: number;
};

function parseItem({ what, registry, item, index }: Item, check: z.RefinementCtx): AdapterConfig | null {
  const fault = (path: readonly PropertyKey[], message: string, input: unknown): null => {
    check.issues.push({ code: "custom", input, path: [index, ...path], message });
    return null;
  };
  if (typeof item !== "object" || item === null || Array.isArray(item))
    return fault([], `must be a ${what} with a \`type\``, item);
  const given = item as Record<string, unknown>;
  const type = given["type"];
  const types = Object.keys(registry);
  if (typeof type !== "string")
    return fault(["type"], `is missing: the ${what}'s type, one of ${types.join(", ")}`, type);
  const entry = Object.hasOwn(registry, type) ? registry[type] : undefined;
  if (entry === undefined) {
    const near = nearest(type, types);
    return fault(
      ["type"],
      `there is no such ${what}; ${near === null ? "" : `did you mean \`${near}\`? `}Types: ${types.join(", ")}`,
      type,
    );
  }
  const result = entry.schema.safeParse(given);
  if (result.success) return { type, name: type, ...(result.data as Record<string, unknown>) };
  for (const issue of result.error.issues)
    check.issues.push({ ...issue, input: issue.input, path: [index, ...issue.path] } as never);
  return null;
}

type Named = {
  readonly sources: readonly AdapterConfig[];
  readonly sinks: readonly AdapterConfig[];
  readonly accounts: Readonly<Record<string, { readonly name: string }>>;
};

/** Adds an issue for each source and account in a sink's `when` that nothing bears; a pattern with `*` must fit one. */
export function checkWhen({ sources, sinks, accounts }: Named, check: z.RefinementCtx): void {
  const known = {
    sources: sources.map(({ name }) => name),
    accounts: Object.entries(accounts).flatMap(([id, { name }]) => [id, name]),
  };
  for (const [index, sink] of sinks.entries()) {
    const when = sink["when"] as When | undefined;
    for (const key of ["sources", "accounts"] as const)
      for (const [at, name] of (when?.[key] ?? []).entries()) {
        if (isNamed(name, known[key]) || (key === "accounts" && /^\d{12}$/.test(name))) continue;
        const message = `no ${key === "sources" ? "source" : "account"} is called so${didYouMean(name, known[key])}`;
        check.addIssue({ code: "custom", path: ["sinks", index, "when", key, at], message, input: name });
      }
  }
}

function isNamed(pattern: string, names: readonly string[]): boolean {
  const wanted = pattern.toLowerCase();
  const isFit = (name: string): boolean =>
    wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
  return names.some((name) => isFit(name.toLowerCase()));
}
