/**
 * All sources by the `type:` of the config file. A new source is one file beside this one and one line here.
 */
import type { Source } from "../contracts.ts";
import { type FileSourceConfig, fileSource } from "./file.ts";
import type { SourceDeps, SourceType } from "./settings.ts";

export type { SourceDeps };

/** Settings of any source, with their defaults filled in. */
export type SourceConfig = FileSourceConfig;

/** Schema and factory of each type. */
export const sourceRegistry: {
  readonly [Type in SourceConfig["type"]]: SourceType<Extract<SourceConfig, { type: Type }>>;
} = {
  file: fileSource,
};

/** The source that a checked config asks for. */
export function createSource(config: SourceConfig, deps: SourceDeps): Source {
  const type = sourceRegistry[config.type] as SourceType<SourceConfig>;
  return type.create(config, deps);
}
