/**
 * What becomes of each signal: its log line and its metrics, in one table. docs/signals.md is generated from it.
 *
 * Read from the type in model/signal.ts: a new signal does not compile until it has a row. Labels are fields with few
 * values (configured names, closed lists); ids, ARNs and addresses are never labels. Metric names follow
 * https://prometheus.io/docs/practices/naming/. The table only says; log.ts writes, exporters count.
 */
import type { SignalType } from "../model/signal.ts";
import type { SignalRows } from "./signal-row.ts";
import { INTEGRITY_SIGNALS } from "./signals/integrity.ts";
import { INPUT_SIGNALS } from "./signals-input.ts";
import { OUTPUT_SIGNALS } from "./signals-output.ts";
import { PAST_SIGNALS } from "./signals/past.ts";
import { RUN_SIGNALS } from "./signals-run.ts";

/** Every signal. */
export const SIGNALS: SignalRows<SignalType> = {
  ...RUN_SIGNALS,
  ...INPUT_SIGNALS,
  ...PAST_SIGNALS,
  ...OUTPUT_SIGNALS,
  ...INTEGRITY_SIGNALS,
};
