/**
 * `sagewatch run`: the daemon.
 *
 * Reads the configuration, says what it found, and hands over to compose. Its stderr is the log, so a failure is a log
 * line too; on a screen the plain message follows.
 */
import { composeRun } from "../compose.ts";
import { openObservation } from "../compose/observation.ts";
import { waitForRoom } from "../compose/room.ts";
import { loadConfig, loadEngineVersion, type LoadedConfig, SEARCH_PATHS } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../lib/clock.ts";
import { ERROR_CODES, SagewatchError, toMessage } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import { describeUnread } from "../ops/summary.ts";
import { isReaderGone, type Terminal } from "../ops/terminal.ts";

/**
 * Runs until stopped or until every source ended. Errors: config_missing, config_invalid, sink_failed (after a drained stop:
 * the reader of standard output left the console sink), input_unreadable (after all else was read),
 * http_failed, and those of composeRun.
 */
export async function runDaemon(options: { readonly config?: string }, terminal: Terminal): Promise<number> {
  const onHangup = listenForHangup();
  const loaded = loadDaemonConfig(options.config);
  const { config, path } = loaded;
  const { emit, observe, open, close } = openObservation(config);
  emit({ type: "started", version: loadEngineVersion(), command: "run", pid: process.pid });
  emit({ type: "config_loaded", path: path ?? "", sources: config.sources.length, sinks: config.sinks.length });
  try {
    await open();
    const { unread } = await composeRun({
      config,
      emit,
      observe,
      signal: terminal.signal,
      onHangup,
      reread: () => loadConfig({ path: path ?? undefined, adapters: ADAPTERS }).config,
    });
    if (isReaderGone(terminal.signal.reason)) throw toNowhere(config);
    if (unread.files > 0 && !terminal.signal.aborted)
      throw new SagewatchError(
        "input_unreadable",
        `${describeUnread(unread)}. All else was read; the next start reads what is missing. ${ERROR_CODES.input_unreadable.remedy}`,
      );
    return 0;
  } catch (error) {
    const known = error instanceof SagewatchError ? error : null;
    if (known?.code === "store_full") await hold(config, terminal.signal, emit);
    emit({ type: "failed", code: known?.code ?? "internal", detail: toMessage(error) });
    if (known !== null && terminal.stderr.isTTY !== true) return known.exitCode;
    throw error;
  } finally {
    await close();
  }
}

/** A daemon whose pages are served says so there that the disk is full, until there is room or somebody stops it. */
async function hold({ state, http, sources }: Config, signal: AbortSignal, emit: Emit): Promise<void> {
  const isLive = sources.some((source) => source["mode"] !== "once");
  if (!http.enabled || !isLive || signal.aborted) return;
  emit({ type: "store_waiting", path: state.dir });
  await waitForRoom(state.dir, { clock: systemClock, signal });
}

/** SIGHUP asks for a reload instead of ending the process; one that comes while the daemon still starts is remembered. */
function listenForHangup(): (reload: () => void) => () => void {
  let isWaiting = false;
  let heard = (): void => void (isWaiting = true);
  process.on("SIGHUP", () => heard());
  return (reload) => {
    heard = reload;
    if (isWaiting) reload();
    return () => void (heard = () => undefined);
  };
}

/** A daemon whose alerts nobody receives must not look like one that was asked to stop. */
function toNowhere({ sinks, state }: Config): SagewatchError {
  const names = sinks.filter(({ type }) => type === "console").map(({ name }) => name);
  return new SagewatchError(
    "sink_failed",
    `the console sink ${names.join(", ")} has nowhere to write: the reader of standard output has left. What it was not given waits in ${state.dir} for the next start; let the reader run as long as the daemon, or take the sink out of \`sinks\``,
  );
}

function loadDaemonConfig(path: string | undefined): LoadedConfig {
  const loaded = loadConfig({ path, adapters: ADAPTERS });
  if (loaded.path === null) {
    throw new SagewatchError(
      "config_missing",
      `there is no configuration: ${SEARCH_PATHS.join(" and ")} do not exist and none was named`,
    );
  }
  const lacks = (["sources", "sinks"] as const).find((section) => loaded.config[section].length === 0);
  if (lacks === undefined) return loaded;
  const what = lacks === "sources" ? "nothing to read" : "nowhere for alerts to go";
  throw new SagewatchError(
    "config_invalid",
    `${loaded.path}: \`${lacks}\` is empty, so there is ${what}; types: ${Object.keys(ADAPTERS[lacks]).join(", ")}`,
  );
}
