/**
 * The state folder that a command means, and its views: beside a running daemon or without one. Reads only.
 */
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import type { Config } from "../../config/schema.ts";
import type { Views } from "../../contracts.ts";
import { openViews } from "../../store/views.ts";

/** Where the state is: --state, else the configuration's. */
export type StateOptions = { readonly state?: string; readonly config?: string };

/** The state folder that the options mean. */
export function stateDirOf({ state, config }: StateOptions): string {
  return state ?? loadConfig({ path: config, adapters: ADAPTERS, secrets: "unread" }).config.state.dir;
}

/** Runs `use` with the views of the state folder. Errors: not_found when there is no state, store_*. */
export async function withViews<T>(options: StateOptions, use: (views: Views) => Promise<T>): Promise<T> {
  const views = openViews(stateDirOf(options));
  try {
    return await use(views);
  } finally {
    views.close();
  }
}

/** Level of the log of commands that a person waits for: warnings, unless the configuration wants still less. */
export function quieter(config: Config): string {
  return ["error", "fatal", "silent"].includes(config.log.level) ? config.log.level : "warn";
}
