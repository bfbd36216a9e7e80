/**
 * What the configured sources and sinks need of AWS, and which resources are therefore the monitor's own.
 */
import type { Need } from "../../aws/needs.ts";
import type { AdapterConfig } from "../../config/adapters.ts";
import type { Config } from "../../config/schema.ts";
import { loadLists, withOwn } from "../../rules/lists.ts";
import type { ListTable } from "../../sigma/compile.ts";
import { sinkRegistry } from "../../sinks/registry.ts";
import { sourceRegistry } from "../../sources/registry.ts";

type Entry = { readonly needs?: (config: AdapterConfig) => readonly Need[] };

/** All needs of a configuration. Errors by code: config_invalid (a role without its account). */
export function needsOf({ sources, sinks }: Pick<Config, "sources" | "sinks">): readonly Need[] {
  const [ofSources, ofSinks] = [sourceRegistry, sinkRegistry] as unknown as readonly Readonly<Record<string, Entry>>[];
  return [
    ...sources.flatMap((item) => ofSources?.[item.type]?.needs?.(item) ?? []),
    ...sinks.flatMap((item) => ofSinks?.[item.type]?.needs?.(item) ?? []),
  ];
}

/**
 * The lists in use: the shipped ones, those of the configuration in their place, and in those of the monitor's own resources
 * what the configuration names elsewhere. Errors: as loadLists.
 */
export function openLists(config: Pick<Config, "lists" | "sources" | "sinks">): ListTable {
  return withOwn(loadLists(config.lists), toOwn(config));
}

/** Queues, buckets, roles and keys of the configured sources and sinks, by the list that they belong to. */
function toOwn({ sources, sinks }: Pick<Config, "sources" | "sinks">): Readonly<Record<string, readonly string[]>> {
  const ofSources = sources.flatMap((item) => toKnownNeeds({ sources: [item], sinks: [] }));
  const ofSinks = sinks.flatMap((item) => toKnownNeeds({ sources: [], sinks: [item] }));
  const found: Record<string, Set<string>> = {};
  for (const need of [...ofSources, ...ofSinks]) {
    const own = toOwnName(need);
    if (own !== null) (found[own.list] ??= new Set()).add(own.name);
  }
  return Object.fromEntries(Object.entries(found).map(([list, names]) => [list, [...names]]));
}

/** Those of one entry; none where its settings do not fit together, which its start tells. */
function toKnownNeeds(config: Pick<Config, "sources" | "sinks">): readonly Need[] {
  try {
    return needsOf(config);
  } catch {
    return [];
  }
}

/** As records of calls on the resource name it; null for what is no list's, or not known by name. */
function toOwnName({ action, resource }: Need): { readonly list: string; readonly name: string } | null {
  const [, , service = "", , account = "", ...rest] = resource.split(":");
  const name = rest.join(":");
  const isNamed = name !== "" && !name.endsWith("*");
  // Calls name a queue by its URL, whose host has several forms.
  if (service === "sqs" && isNamed)
    return { list: "monitor_queues", name: account === "*" ? `*/${name}` : `*/${account}/${name}` };
  if (action === "sts:AssumeRole") return { list: "monitor_roles", name: name.split("/").at(-1) ?? name };
  if (service === "kms" && isNamed) return { list: "monitor_keys", name: `*${name.replace(/^key\//, "")}` };
  if (service !== "s3") return null;
  const bucket = name.split("/")[0] ?? "";
  return bucket === "*" || bucket === "" ? null : { list: "monitor_buckets", name: bucket };
}
