/**
 * How far the heap may grow between two large collections: a small one further.
 *
 * The program starts with --heap-growing-percent=100 (tools/run.mjs), so that a flood of principals takes no more than
 * twice what it holds. On a usual day the heap is small, and collecting it as often takes a tenth of the time of reading
 * back. V8 reads the flag when it has collected, so it may change at any time. What a small heap may grow to is bounded:
 * two and a half times SMALL_BYTES.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import type { Emit } from "../../model/signal.ts";

const FLAG = "--heap-growing-percent=";
const [USUAL, SMALL] = [100, 150] as const;
/** With its garbage. That of the shipped rules with a day's windows is collected at some 80 MiB. */
const SMALL_BYTES = 96 * 1024 * 1024;

/** Hands signals on, and looks at the heap after each commit. Does no more in a process that was started with other flags. */
export function withHeapPace(emit: Emit): Emit {
  if (!process.execArgv.includes(`${FLAG}${USUAL}`)) return emit;
  let now: number = USUAL;
  return (signal) => {
    emit(signal);
    if (signal.type !== "committed") return;
    const wanted = getHeapStatistics().used_heap_size < SMALL_BYTES ? SMALL : USUAL;
    if (wanted === now) return;
    now = wanted;
    setFlagsFromString(`${FLAG}${wanted}`);
  };
}
