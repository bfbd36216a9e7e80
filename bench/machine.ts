/**
 * What every result line begins with, and the arithmetic that the benches share.
 *
 * Times of one run only compare with times of the same run: a result is its ratios, and the machine is named so that the
 * plain figures can be placed.
 */
import { cpus, totalmem } from "node:os";

/** Machine and versions. */
export type Machine = {
  readonly bench: string;
  readonly machine: string;
  readonly node: string;
  readonly v8: string;
  readonly sqlite: string;
};

/** The head of a bench's line. */
export function describeMachine(bench: string): Machine {
  const memoryGib = Math.round(totalmem() / 1024 ** 3);
  return {
    bench,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${memoryGib} GiB`,
    node: process.versions.node,
    v8: process.versions.v8,
    sqlite: process.versions["sqlite"] ?? "",
  };
}

/** Rounded to `digits` behind the point. */
export function round(value: number, digits = 0): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

/** The value below which `share` (0 to 1) of the values lie. The list must not be empty. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Writes the line when the file was started as a program. */
export function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
