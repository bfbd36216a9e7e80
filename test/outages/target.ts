/** What an outage is made of: a thing that the daemon talks to, and the ways in which it can be gone. */
import type { FaultProxy, FaultRule } from "../fakes/fault-proxy.ts";

/** refused: connections end at once; failing: every answer is an error; silent: nothing answers, connections stay open; slow: each answer takes five seconds. */
export type Mode = "up" | "refused" | "failing" | "silent" | "slow";

/** An alert as a receiver has it. */
export type Head = { readonly id: string; readonly revision: number };

export type Target = {
  readonly name: string;
  readonly of: "source" | "sink";
  /** Its entry in the configuration; the name in it is that of the target. */
  readonly config: object;
  /** Secrets of the configuration. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node for the daemon. */
  readonly flags?: readonly string[];
  /** A rule that its marks meet, where they are no calls of CloudTrail. */
  readonly rule?: string;
  set(mode: Mode): void;
  /** What stands before it, where that speaks HTTP. */
  readonly proxy?: FaultProxy;
  /** Of a source: brings records into it, past the outage. */
  readonly send?: (texts: readonly string[]) => Promise<void>;
  /** The event that a mark becomes, where that is not the mark's own id. */
  readonly eventId?: (mark: string) => string;
  /** Of a source that asks so seldom that no outage of minutes is one to /ready. */
  readonly asksSeldom?: boolean;
  /** Of a sink: what it has got, in order. */
  readonly received?: () => Promise<readonly Head[]>;
  close(): Promise<void>;
};

/** Settings that differ between an outage of seconds and one of minutes. */
export type TargetOptions = {
  readonly folder: string;
  /** Time-outs of sinks over HTTP, a duration. */
  readonly timeout: string;
};

const RULES: Readonly<Record<Mode, readonly FaultRule[]>> = {
  up: [],
  refused: [{ fault: { kind: "reset" } }],
  failing: [{ fault: { kind: "error", code: "ServiceUnavailable", status: 503 } }],
  silent: [{ fault: { kind: "hang" } }],
  slow: [{ fault: { kind: "delay", ms: 5000 } }],
};

/** Sets a mode on a fault proxy; with `service` only that service behind it is gone. */
export function setProxy(proxy: FaultProxy, mode: Mode, service?: string): void {
  proxy.set(...RULES[mode].map((rule) => (service === undefined ? rule : { ...rule, service })));
}
