/**
 * Any bytes as what a client sends to the control socket of a running daemon.
 *
 * Each line gets one answer, in order: {ok: true, result} or {ok: false, code, message} with a known code; and a request
 * behind it on the same connection is served.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/lib/clock.ts";
import { ERROR_CODES, SagewatchError } from "../../../src/model/errors.ts";
import { startControl } from "../../../src/ops/control.ts";
import { encode, type OpenTarget, seedLines, type Target } from "../target.ts";

const LINES_MAX = 200;
const LAST = '{"command":"echo","args":{"last":1}}';

/** Sends bytes and gives the first `count` lines that come back, or fewer where the daemon hangs up. */
function talk(path: string, bytes: Uint8Array, count: number): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const pieces: Buffer[] = [];
  let lines = 0;
  const socket = connect(path, () => socket.write(bytes));
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    for (const byte of piece) if (byte === 10) lines += 1;
    if (lines >= count) socket.destroy();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => resolve(Buffer.concat(pieces).toString("utf8").trimEnd().split("\n")));
  return promise;
}

function checkAnswer(line: string): void {
  const answer = JSON.parse(line) as Record<string, unknown>;
  if (answer["ok"] === true) return assert.deepEqual(Object.keys(answer), ["ok", "result"]);
  const { ok, code, message } = answer;
  assert.ok(ok === false && typeof message === "string" && message !== "");
  assert.ok(Object.hasOwn(ERROR_CODES, String(code)));
}

/** What stands before the line LINES_MAX: each line is a request, so that time is bounded by their number. */
function firstLines(input: Uint8Array): Uint8Array {
  let at = -1;
  for (let line = 0; line < LINES_MAX; line += 1) {
    at = input.indexOf(10, at + 1);
    if (at === -1) return input;
  }
  return input.subarray(0, at);
}

async function checkLines(path: string, input: Uint8Array): Promise<void> {
  const bytes = Buffer.concat([input, encode(`\n${LAST}\n`)]);
  const wanted = bytes.filter((byte) => byte === 10).length;
  const answers = await talk(path, bytes, wanted);
  assert.equal(answers.length, wanted, "one answer a line");
  for (const line of answers) checkAnswer(line);
  const last = JSON.parse(answers.at(-1) ?? "null") as unknown;
  assert.deepEqual(last, { ok: true, result: { last: 1 } });
}

async function open(): Promise<OpenTarget> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-fuzz-"));
  const path = join(folder, "control.sock");
  const handlers = {
    echo: (args: unknown) => Promise.resolve(args),
    refuse: () => Promise.reject(new SagewatchError("not_found", "no record 7")),
    crash: () => Promise.reject(new TypeError("a bug")),
  };
  const control = await startControl(path, handlers, { emit: () => {}, clock: systemClock });
  const check = (input: Uint8Array): Promise<void> => checkLines(path, firstLines(input));
  const close = async (): Promise<void> => {
    await control.close();
    rmSync(folder, { recursive: true });
  };
  return { check, close };
}

export const target: Target = {
  name: "control",
  limitMs: 100,
  seeds: seedLines("control/seeds.ndjson"),
  words: [
    "\n", "{", "}", "[", "]", '"', ":", ",", "\\", '{"command":"echo"}\n', '"command":', '"args":', "null",
    '{"command":"refuse"}\n', '{"command":"crash"}\n', '{"command":"__proto__"}\n', "\u0000", "\ufeff", "\\ud800",
  ], // prettier-ignore
  open,
};
