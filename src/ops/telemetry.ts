/**
 * Metrics of a daemon: counted from signals and read from its parts, given out as Prometheus text and over OTLP.
 *
 * `listen` stands in the one path of signals and costs a few additions. The packages of OpenTelemetry come in with the
 * first question or the configured collector, not with the start. A collector that does not answer is told of once and
 * never holds anything up, not even the end.
 */
import type { Clock } from "../lib/clock.ts";
import { toMessage } from "../model/errors.ts";
import type { Secret } from "../model/secret.ts";
import type { Emit, Signal } from "../model/signal.ts";
import { createCounts, type Metric, type Sample } from "./telemetry/counts.ts";
import { createProcessReader } from "./telemetry/process.ts";
import { type Read, type Reading, READINGS } from "./telemetry/readings.ts";

export type TelemetryOptions = {
  readonly clock: Clock;
  readonly version: string;
  /** For what telemetry has to tell itself. */
  readonly emit: Emit;
  readonly otlp: {
    readonly endpoint: string | null;
    readonly headers: Readonly<Record<string, Secret>>;
    readonly intervalMs: number;
    readonly attributes: Readonly<Record<string, string>>;
  };
};

export type Telemetry = {
  /** Counts a signal. Never throws. */
  listen(signal: Signal): void;
  /** From now on these readings are part of the metrics. Returns how to take them away. */
  add(read: Read): () => void;
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  /** Begins to send to the configured collector. */
  start(): Promise<void>;
  /** Sends a last time, for at most CLOSE_MS. */
  close(): Promise<void>;
};

/** The end of a daemon is for delivery; its last figures may take so long, ms. */
const CLOSE_MS = 2_000;

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { clock, emit, otlp, version } = options;
  const counts = createCounts();
  // Its timer wakes the process: only once somebody asks.
  let own: ReturnType<typeof createProcessReader> | null = null;
  const readOwn: Read = () => (own ??= createProcessReader(clock)).read();
  const reads = new Set<Read>([readOwn]);
  const startMs = clock.nowMs();
  let sending: { close(): Promise<void> } | null = null;
  let failure: string | null = null;
  const span = (): { startMs: number; nowMs: number } => ({ startMs, nowMs: clock.nowMs() });
  const metrics = (): Metric[] => [...counts.metrics(), ...gather([...reads].flatMap(readSafely))];
  const onExport = (why: string | null): void => {
    if (why !== null && failure === null) emit({ type: "telemetry_failed", detail: why });
    if (why === null && failure !== null) emit({ type: "telemetry_restored" });
    failure = why;
  };
  return {
    listen: (signal) => counts.count(signal),
    add: (read) => {
      reads.add(read);
      return () => void reads.delete(read);
    },
    text: async () => {
      const { toPrometheusText } = await import("./telemetry/otel.ts");
      return toPrometheusText(metrics(), span());
    },
    start: async () => {
      if (otlp.endpoint === null) return;
      const { startOtlp } = await import("./telemetry/otel.ts");
      const headers = Object.fromEntries(Object.entries(otlp.headers).map(([name, secret]) => [name, secret.reveal()]));
      const attributes = { "service.name": "sagewatch", "service.version": version, ...otlp.attributes };
      const { endpoint: url, intervalMs } = otlp;
      sending = startOtlp({ url, headers, intervalMs, attributes, span, metrics, onExport });
    },
    close: async () => {
      const isOver = new AbortController();
      const sent = sending?.close().catch((error: unknown) => onExport(toMessage(error))) ?? Promise.resolve();
      await Promise.race([sent.finally(() => isOver.abort()), clock.sleep(CLOSE_MS, isOver.signal)]);
      isOver.abort();
      own?.close();
    },
  };
}

/** A part that is closed or failing has no figures; the others still have theirs. */
function readSafely(read: Read): readonly Reading[] {
  try {
    return read();
  } catch {
    return [];
  }
}

function gather(readings: readonly Reading[]): Metric[] {
  const samples = new Map<string, Sample[]>();
  for (const { name, labels = {}, value } of readings) {
    const all = samples.get(name) ?? [];
    samples.set(name, all);
    all.push({ labels, value });
  }
  return Object.entries(READINGS).map(([name, { type, what }]) => ({
    name,
    type,
    what,
    samples: samples.get(name) ?? [],
  }));
}
