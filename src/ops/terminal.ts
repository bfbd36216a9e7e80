/**
 * Where a command writes: results to stdout, everything for people beside them to stderr, and the wish to stop.
 *
 * Commands get a Terminal instead of reaching for the process, so that main.ts alone knows the process. Results are
 * awaited, since a slow pipe must hold the writer back; remarks are not.
 */
import type { Writable } from "node:stream";
import { safeText } from "../lib/safe-text.ts";

/** A stream that may be a screen. */
export type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number; hasColors?(): boolean };

/**
 * What a command may touch of the outside. `signal` aborts when the user wants it to stop, and, with the failed write as
 * its reason (isReaderGone), when the reader of stdout has left.
 */
export type Terminal = { readonly stdout: Stream; readonly stderr: Stream; readonly signal: AbortSignal };

/** Screen cells of a line where the stream is no screen. */
const DEFAULT_WIDTH = 160;

/** Writes results; resolves when the stream took them. Rejects when it cannot be written. */
export function print(terminal: Pick<Terminal, "stdout">, text: string | Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (text.length === 0) resolve();
  else terminal.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  return promise;
}

/** Writes a record as it stands, for pipes; on a screen every hidden character is made visible. */
export function printRecord(terminal: Pick<Terminal, "stdout">, record: Uint8Array): Promise<void> {
  const isScreen = terminal.stdout.isTTY === true;
  return print(terminal, isScreen ? `${safeText(new TextDecoder().decode(record))}\n` : record);
}

/** Writes a remark for people, with a line end. */
export function remark(terminal: Pick<Terminal, "stderr">, text: string): void {
  terminal.stderr.write(`${text}\n`);
}

/** Screen cells of a line of `stream`. */
export function widthOf(stream: Stream): number {
  return stream.columns ?? DEFAULT_WIDTH;
}

/** True for the error of a write to a pipe whose reader has left, as `| head` does when it has seen enough. */
export function isReaderGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}
