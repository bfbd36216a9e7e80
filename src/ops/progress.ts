/**
 * Shows how far a long command has come, on stderr.
 *
 * On a screen: one line that is drawn over, at most ten times a second. Elsewhere: a plain line every five seconds, so
 * that a log stays short. It says what was told last and estimates nothing.
 */
import type { Clock } from "../lib/clock.ts";
import { cutText } from "../lib/text-table.ts";
import { type Stream, widthOf } from "./terminal.ts";

/** A line of progress. `share` is 0 to 1, null while the whole is not known. */
export type ProgressLine = {
  show(share: number | null, text: string): void;
  /** Takes the line away until it is shown next, so that something else can be written on the screen. */
  clear(): void;
  /** Takes the line away, or writes a last one; later calls do nothing. */
  end(text?: string): void;
};

const DRAW_MS = 100;
const LINE_MS = 5000;
const BAR_CELLS = 24;

/** Progress under a label, such as "reading". */
export function createProgress(stream: Stream, label: string, clock: Clock): ProgressLine {
  const isScreen = stream.isTTY === true;
  let nextMs = isScreen ? 0 : clock.monotonicMs() + LINE_MS;
  let isDrawn = false;
  let isEnded = false;
  const line = (share: number | null, text: string): string => {
    const percent = share === null ? "" : `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`.padStart(5);
    return [label, ...(share !== null && isScreen ? [toBar(share)] : []), percent, text]
      .filter((part) => part !== "")
      .join(" ");
  };
  const wipe = (): void => {
    if (!isDrawn || !isScreen) return;
    stream.write("\r\u001B[2K");
    isDrawn = false;
    nextMs = 0;
  };
  return {
    show: (share, text) => {
      const nowMs = clock.monotonicMs();
      if (isEnded || nowMs < nextMs) return;
      nextMs = nowMs + (isScreen ? DRAW_MS : LINE_MS);
      const shown = line(share, text);
      stream.write(isScreen ? `\r\u001B[2K${cutText(shown, widthOf(stream) - 1)}` : `${shown}\n`);
      isDrawn = true;
    },
    clear: wipe,
    end: (text) => {
      if (isEnded) return;
      isEnded = true;
      wipe();
      if (text !== undefined) stream.write(`${text}\n`);
    },
  };
}

function toBar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return `[${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}]`;
}
