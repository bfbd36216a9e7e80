/**
 * What watches a daemon: its log, its health and its metrics, all fed by the one stream of signals.
 *
 * The pages are served from before the state is opened until after it is closed. The server and the packages of telemetry
 * come in only where the configuration wants them, beside the reading of rules.
 */
import { loadEngineVersion } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { listSecrets } from "../config/secrets.ts";
import { systemClock } from "../lib/clock.ts";
import { SagewatchError } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import { createGathering } from "../ops/gather.ts";
import { createHealthWatch } from "../ops/http/health.ts";
import { createLog } from "../ops/log.ts";
import { createTelemetry } from "../ops/telemetry.ts";
import type { Observe } from "./readings.ts";

export type Observation = {
  readonly emit: Emit;
  readonly observe: Observe;
  /** Serves and sends as configured. Errors: http_failed, unless all sources of the run end. */
  readonly open: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export function openObservation(config: Config): Observation {
  const clock = systemClock;
  const log = createGathering(createLog({ level: config.log.level, secrets: listSecrets(config) }), clock);
  const watch = createHealthWatch(clock);
  const emit: Emit = (signal) => {
    telemetry.listen(signal);
    watch.listen(signal);
    log(signal);
  };
  const { otlp } = config.telemetry;
  const telemetry = createTelemetry({ clock, version: loadEngineVersion(), emit: (signal) => emit(signal), otlp });
  telemetry.add(() => watch.readings());
  let server: { close(): Promise<void> } | null = null;
  const serve = async (): Promise<void> => {
    const { host, port, enabled } = config.http;
    if (!enabled) return;
    const { startHttp } = await import("../ops/http/server.ts");
    try {
      const opened = await startHttp({ host, port, watch, metrics: () => telemetry.text() });
      server = opened;
      emit({ type: "http_opened", host, port: opened.port });
    } catch (error) {
      const isDaemon = config.sources.some((source) => source["mode"] !== "once");
      if (isDaemon || !(error instanceof SagewatchError)) throw error;
      emit({ type: "http_unserved", detail: error.message });
    }
  };
  return {
    emit,
    observe: { add: (read) => telemetry.add(read), running: (sources) => watch.running(sources) },
    open: async () => {
      await serve();
      await telemetry.start();
    },
    close: async () => {
      await telemetry.close();
      await server?.close();
    },
  };
}
