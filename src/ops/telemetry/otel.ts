/**
 * Figures in the form of OpenTelemetry, and their two ways out: Prometheus text, and OTLP to a collector.
 *
 * Loaded only when asked for: a command that serves nothing pays nothing. Figures are handed in as they stand at that
 * moment, by a producer of metric data rather than by instruments, for an instrument cannot observe a histogram that was
 * counted elsewhere. One producer for both ways, so they cannot differ.
 */
import { ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { Metric, Sample } from "./counts.ts";
import type { Histogram } from "./histogram.ts";
import { unitOf } from "./table.ts";

/** Epoch ms at the start of counting, and now. */
type Span = { readonly startMs: number; readonly nowMs: number };
type Point = MetricData["dataPoints"][number];

/** Metric data of all figures. */
export function toResourceMetrics(metrics: readonly Metric[], attributes: Attributes, span: Span): ResourceMetrics {
  const scope = { name: "sagewatch" };
  const found = metrics.filter(({ samples }) => samples.length > 0).map((metric) => toMetricData(metric, span));
  return { resource: resourceFromAttributes(attributes), scopeMetrics: [{ scope, metrics: found }] };
}

type Attributes = Readonly<Record<string, string>>;

function toMetricData({ name, type, what, samples }: Metric, span: Span): MetricData {
  const descriptor = { name, description: what, unit: unitOf(name), valueType: ValueType.DOUBLE };
  const points = samples.map((sample) => toPoint(sample, span));
  const dataPointType = { counter: DataPointType.SUM, gauge: DataPointType.GAUGE, histogram: DataPointType.HISTOGRAM }[
    type
  ];
  return {
    descriptor,
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType,
    dataPoints: points,
    ...(type === "counter" ? { isMonotonic: true } : {}),
  } as MetricData;
}

function toPoint({ labels, value }: Sample, { startMs, nowMs }: Span): Point {
  const time = { startTime: toHrTime(startMs), endTime: toHrTime(nowMs), attributes: labels };
  return typeof value === "number" ? { ...time, value } : { ...time, value: toBuckets(value) };
}

function toBuckets({ bounds, counts, sum }: Histogram): {
  buckets: { boundaries: number[]; counts: number[] };
  count: number;
  sum: number;
} {
  const count = counts.reduce((total, one) => total + one, 0);
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, count, sum };
}

function toHrTime(ms: number): [number, number] {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
}

/** The text of Prometheus, format 0.0.4. */
export function toPrometheusText(metrics: readonly Metric[], span: Span): string {
  const found = toResourceMetrics(metrics, {}, span);
  const bare = found.scopeMetrics.map(({ scope, metrics: all }) => ({
    scope,
    // A unit would come as a comment of a newer format; names say it.
    metrics: all.map((metric) => ({ ...metric, descriptor: { ...metric.descriptor, unit: "" } })),
  }));
  return new PrometheusSerializer(undefined, false, undefined, true, true).serialize({ ...found, scopeMetrics: bare });
}

export type OtlpOptions = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly intervalMs: number;
  readonly attributes: Attributes;
  readonly span: () => Span;
  readonly metrics: () => readonly Metric[];
  /** After each export: null, or why it failed. */
  readonly onExport: (failure: string | null) => void;
};

/** Sends to a collector until `close`, which sends a last time and may take as long as the collector lets it. */
export function startOtlp(options: OtlpOptions): { close(): Promise<void> } {
  const { url, headers, intervalMs } = options;
  const exporter = new OTLPMetricExporter({
    url,
    headers: { ...headers },
    timeoutMillis: Math.min(10_000, intervalMs),
  });
  const told: PushMetricExporter = {
    export: (metrics, done) =>
      exporter.export(metrics, (result) => {
        options.onExport(result.error === undefined ? null : result.error.message);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
  };
  const reader = new PeriodicExportingMetricReader({
    exporter: told,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(10_000, intervalMs),
    metricProducers: [
      {
        collect: () =>
          Promise.resolve({ resourceMetrics: toResourceMetrics(options.metrics(), {}, options.span()), errors: [] }),
      },
    ],
  });
  const provider = new MeterProvider({ resource: resourceFromAttributes(options.attributes), readers: [reader] });
  return { close: () => provider.shutdown() };
}
