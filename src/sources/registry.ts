/**
 * All sources by the `type:` of the config file. A new source is one file beside this one and one line here.
 */
import type { Source } from "../contracts.ts";
import { fileSource } from "./file.ts";
import type { FileSourceConfig } from "./file-settings.ts";
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
  return sourceRegistry[config.type].create(config, deps);
}
