/**
 * What the process takes: CPU time, memory, and how late its timers come.
 *
 * The delay is measured by Node's own timer in steps of 250 ms: finer steps would wake an idle daemon for nothing.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../../lib/clock.ts";
import type { Reading } from "./readings.ts";

const STEP_MS = 250;
const QUANTILES = [0.5, 0.99, 1] as const;

/** Starts measuring. `close` ends it. */
export function createProcessReader(clock: Clock): { read(): readonly Reading[]; close(): void } {
  const delay = monitorEventLoopDelay({ resolution: STEP_MS });
  delay.enable();
  const startedMs = clock.nowMs() - process.uptime() * 1000;
  return {
    read: () => {
      const { user, system } = process.cpuUsage();
      const delays = QUANTILES.map((quantile): Reading => {
        const ns = quantile === 1 ? delay.max : delay.percentile(quantile * 100);
        const value = delay.count === 0 ? 0 : Math.max(0, ns / 1e9 - STEP_MS / 1000);
        return { name: "sagewatch_event_loop_delay_seconds", labels: { percentile: String(quantile * 100) }, value };
      });
      delay.reset();
      return [
        { name: "process_cpu_seconds_total", value: (user + system) / 1e6 },
        { name: "process_resident_memory_bytes", value: process.memoryUsage.rss() },
        { name: "process_start_time_seconds", value: startedMs / 1000 },
        ...delays,
      ];
    },
    close: () => delay.disable(),
  };
}
