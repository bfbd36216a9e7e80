/**
 * What is tried of what the configured sources and sinks need of AWS.
 */
import type { AdapterConfig } from "../../config/adapters.ts";
import type { Config } from "../../config/schema.ts";
import { toMessage } from "../../model/errors.ts";
import type { Probe } from "../../model/probe.ts";
import { sinkRegistry } from "../../sinks/registry.ts";
import { sourceRegistry } from "../../sources/registry.ts";

export { needsOf } from "../../compose/own/needs.ts";

/** Members of a registry's entries that are asked here, whatever the type. */
type Entry = {
  readonly probes?: (config: AdapterConfig) => readonly Probe[];
};

function entriesOf({ sources, sinks }: Config): readonly (readonly [string, AdapterConfig, Entry])[] {
  const [ofSources, ofSinks] = [sourceRegistry, sinkRegistry] as unknown as readonly Readonly<Record<string, Entry>>[];
  return [
    ...sources.map((item) => [`source ${item.name}`, item, ofSources?.[item.type] ?? {}] as const),
    ...sinks.map((item) => [`sink ${item.name}`, item, ofSinks?.[item.type] ?? {}] as const),
  ];
}

/** All probes of its adapters, each once. One that cannot be made is a failure of its own. */
export function adapterProbes(config: Config): readonly Probe[] {
  const probes = entriesOf(config).flatMap(([what, item, entry]): readonly Probe[] => {
    try {
      return entry.probes?.(item) ?? [];
    } catch (error) {
      const mend = "correct the settings of this entry in the configuration";
      return [{ name: what, run: () => Promise.resolve({ status: "fail", did: toMessage(error), mend }) }];
    }
  });
  return [...new Map(probes.map((probe) => [probe.name, probe])).values()];
}
