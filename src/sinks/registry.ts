/**
 * All sinks by the `type:` of the config file. A new sink is one file beside this one and one line here.
 */
import type { Sink } from "../contracts.ts";
import { consoleSink, type ConsoleSinkConfig } from "./console.ts";
import { fileSink, type FileSinkConfig } from "./file.ts";
import { kafkaSink, type KafkaSinkConfig } from "./kafka.ts";
import type { SinkDeps, SinkType } from "./settings.ts";

export type { SinkDeps };

/** Settings of any sink, with their defaults filled in. */
export type SinkConfig = ConsoleSinkConfig | FileSinkConfig | KafkaSinkConfig;

/** Schema and factory of each type. */
export const sinkRegistry: { readonly [Type in SinkConfig["type"]]: SinkType<Extract<SinkConfig, { type: Type }>> } = {
  console: consoleSink,
  file: fileSink,
  kafka: kafkaSink,
};

/** The sink that a checked config asks for. */
export function createSink(config: SinkConfig, deps: SinkDeps): Sink {
  const type = sinkRegistry[config.type] as SinkType<SinkConfig>;
  return type.create(config, deps);
}
