/**
 * The log: one JSON object a line on stderr, written from signals alone.
 *
 * Each line has level, time (UTC), `signal`, the signal's fields and `msg`. Texts are cleared of credentials; control
 * characters are escaped by JSON, so a line is always one line. Writing is synchronous: what was logged before a crash is
 * there. A log that cannot be written (a closed pipe) never stops the work.
 */
import { type DestinationStream, destination, pino, stdTimeFunctions } from "pino";
import { safeJson } from "../lib/safe-text.ts";
import type { Emit } from "../model/signal.ts";
import { createRedaction } from "./redact.ts";
import { SIGNALS } from "./signals.ts";

export type LogOptions = {
  /** Least level written: trace, debug, info, warn, error, fatal or silent. */
  readonly level: string;
  /** Values that no line may hold: the configured secrets. Default none. */
  readonly secrets?: readonly string[];
  /** Default: file descriptor 2. */
  readonly stream?: DestinationStream;
};

const STDERR = 2;

/** The emitter that writes signals to the log. */
export function createLog(options: LogOptions): Emit {
  const stream = options.stream ?? openStderr();
  const redact = createRedaction(options.secrets ?? []);
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      hooks: { streamWrite: (line) => `${safeJson(line.trimEnd())}\n` },
    },
    stream,
  );
  return (signal) => {
    const row = SIGNALS[signal.type];
    if (!logger.isLevelEnabled(row.level)) return;
    const { type, ...fields } = signal;
    try {
      logger[row.level]({ signal: type, ...clean(fields, redact) }, row.message);
    } catch {
      // Nobody is left to tell: stderr is what failed.
    }
  };
}

function openStderr(): DestinationStream {
  const stream = destination({ fd: STDERR, sync: true });
  stream.on("error", () => undefined);
  return stream;
}

function clean(fields: Readonly<Record<string, unknown>>, redact: (text: string) => string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? redact(value) : typeof value === "number" ? round(value) : value,
    ]),
  );
}

/** To a thousandth: no clock that is logged knows more. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
