/** Faults of the network and of AWS that a soaked daemon meets in turn, each for a few seconds. */
import type { FaultProxy, FaultRule } from "../fakes/fault-proxy.ts";

/** Each is a set of rules of the fault proxy, by a name for the report. */
export const FAULTS: Readonly<Record<string, readonly FaultRule[]>> = {
  down: [{ fault: { kind: "reset" } }],
  unavailable: [{ fault: { kind: "error", code: "ServiceUnavailable", status: 503 } }],
  throttled: [{ fault: { kind: "error", code: "ThrottlingException", status: 400 } }],
  truncated: [{ operation: "GetObject", fault: { kind: "truncate" } }],
  corrupt: [{ operation: "GetObject", fault: { kind: "corrupt" } }],
  "delete lost": [{ operation: "DeleteMessageBatch", fault: { kind: "lose" } }],
  "receive lost": [{ operation: "ReceiveMessage", times: 3, fault: { kind: "lose" } }],
  "send lost": [{ operation: "SendMessageBatch", fault: { kind: "lose" } }],
  slow: [{ fault: { kind: "delay", ms: 1500 } }],
};

/** Sets the next fault in turn; `mend` takes it away. How often each was set. */
export function createFaults(proxy: FaultProxy): {
  next(): void;
  mend(): void;
  readonly counts: Readonly<Record<string, number>>;
} {
  const names = Object.keys(FAULTS);
  const counts: Record<string, number> = {};
  let turn = 0;
  return {
    counts,
    mend: () => proxy.set(),
    next: () => {
      const name = names[turn % names.length] as string;
      turn += 1;
      counts[name] = (counts[name] ?? 0) + 1;
      proxy.set(...(FAULTS[name] ?? []));
    },
  };
}
