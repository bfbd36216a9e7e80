/**
 * The control socket: how commands that change something reach the daemon that holds the state folder.
 *
 * A Unix socket, mode 0600, in the state folder (itself 0700). One JSON object a line: {command, args} there, {ok, result}
 * or {ok, code, message} back. Requests on a connection are answered in order. Sizes and waiting are bounded, an unknown
 * command is an error, and nothing a client sends can end the daemon. A socket left by a dead daemon is replaced.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { isAbsolute, relative } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { isObject, ownValue, textAt } from "../lib/json.ts";
import { ERROR_CODES, type ErrorCode, SagewatchError, toMessage } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";

/** Answers one command. A throw becomes the client's error. */
export type ControlHandler = (args: Readonly<Record<string, unknown>>) => Promise<unknown>;
export type ControlHandlers = Readonly<Record<string, ControlHandler>>;
export type Control = { close(): Promise<void> };

/** What came back: `absent` when no daemon listens there. */
export type ControlAnswer = { readonly status: "absent" } | { readonly status: "answered"; readonly result: unknown };

/** Name of the socket in the state folder. */
export const CONTROL_SOCKET = "control.sock";

/** Command of `quarantine replay`: args {ids: numbers or "all"}, result {replayed, evaluated, quarantinedAgain, alerts}. */
export const QUARANTINE_REPLAY = "quarantine.replay";

/** Command of `rules reload`: no args, result as ReloadOutcome of compose/reload.ts. */
export const RULES_RELOAD = "rules.reload";

/** Command of `redrive`: args {sink: name or null, alertId: id or null}, result as the store's redrive gives it. */
export const REDRIVE = "redrive";

/**
 * Command of `backfill`: args {fromMs, toMs, source, account, region (texts or null), limits {objects, bytes, requests},
 * plan: true for what it would take}; result as PastAnswer of compose/past/backfills.ts, or the plans.
 */
export const BACKFILL = "backfill";
/** Commands that are asked again and again while they last: the log has other lines of these. */
const ASKED_AGAIN: ReadonlySet<string> = new Set([BACKFILL]);

/** Bytes of a request: a thousand ids fit many times. */
const REQUEST_BYTES = 64 * 1024;
/** Bytes of an answer. */
const ANSWER_BYTES = 4 * 1024 * 1024;
/** A connection that says nothing for so long is closed. */
const IDLE_MS = 30_000;
/** How long a command may take before the caller gives up; replaying a full quarantine takes minutes. */
const CALL_MS = 600_000;
/** sun_path of Linux holds 108 bytes with its ending zero, that of macOS 104. */
const SOCKET_PATH_BYTES = 103;

/** Listens at `path`. Errors: store_locked when a live daemon listens there, config_invalid when the path is too long. */
export async function startControl(
  path: string,
  handlers: ControlHandlers,
  options: { emit: Emit; clock: Clock },
): Promise<Control> {
  const place = toSocketPath(path);
  const sockets = new Set<Socket>();
  const open = (): Promise<Server> =>
    listen(place, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      serve(socket, (line) => answer(line, handlers, options));
    });
  const server = await open().catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE")
      throw new SagewatchError("store_failed", `the control socket ${path} cannot be opened: ${toMessage(error)}`, {
        cause: error,
      });
    if (await isAlive(place)) throw new SagewatchError("store_locked", `another daemon listens on ${path}`);
    rmSync(place, { force: true });
    return open();
  });
  options.emit({ type: "control_opened", path });
  return {
    close: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      return promise;
    },
  };
}

/** Sends one command. Errors: those of the handler by code; daemon_unreachable when the daemon does not answer. */
export function callControl(
  path: string,
  command: string,
  args: Readonly<Record<string, unknown>>,
): Promise<ControlAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlAnswer>();
  const lost = (why: string): void => reject(new SagewatchError("daemon_unreachable", `the daemon on ${path} ${why}`));
  const socket = connect(toSocketPath(path));
  socket.setTimeout(CALL_MS, () => {
    lost("did not answer in time");
    socket.destroy();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve({ status: "absent" });
    else lost(`cannot be reached: ${error.message}`);
  });
  socket.on("close", () => lost("closed the connection without an answer"));
  readLines(socket, ANSWER_BYTES, (line) => {
    socket.end();
    const answer: unknown = line === null ? undefined : parse(line);
    if (ownValue(answer, "ok") === true) return resolve({ status: "answered", result: ownValue(answer, "result") });
    const code = textAt(answer, "code");
    if (!Object.hasOwn(ERROR_CODES, code)) return lost("gave an answer that is none");
    reject(new SagewatchError(code as ErrorCode, textAt(answer, "message")));
  });
  socket.write(`${JSON.stringify({ command, args })}\n`);
  return promise;
}

async function answer(
  line: string | null,
  handlers: ControlHandlers,
  { emit, clock }: { emit: Emit; clock: Clock },
): Promise<string> {
  if (line === null) return toFault("usage", `a request may have ${REQUEST_BYTES} bytes`);
  const request = parse(line);
  const command = textAt(request, "command");
  const args = ownValue(request, "args") ?? {};
  const handler = Object.hasOwn(handlers, command) ? handlers[command] : undefined;
  if (handler === undefined)
    return toFault(
      "usage",
      `there is no command ${JSON.stringify(command.slice(0, 60))}; commands: ${Object.keys(handlers).join(", ")}`,
    );
  if (!isObject(args)) return toFault("usage", "args must be an object");
  const begunMs = clock.monotonicMs();
  const report = (ok: boolean): void => {
    if (ASKED_AGAIN.has(command) && ok) return;
    emit({ type: "command", command, ok, elapsedMs: clock.monotonicMs() - begunMs });
  };
  try {
    const result = await handler(args);
    report(true);
    return `${JSON.stringify({ ok: true, result: result ?? null })}\n`;
  } catch (error) {
    report(false);
    return error instanceof SagewatchError ? toFault(error.code, error.message) : toFault("internal", toMessage(error));
  }
}

function serve(socket: Socket, respond: (line: string | null) => Promise<string>): void {
  let turn = Promise.resolve();
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  readLines(socket, REQUEST_BYTES, (line) => {
    socket.setTimeout(0);
    turn = turn.then(async () => {
      const text = await respond(line);
      if (socket.destroyed) return;
      socket.write(text);
      if (line === null) socket.end();
      socket.setTimeout(IDLE_MS);
    });
  });
}

/** Calls `take` with each line; with null, once, when a line is longer than `most` bytes. */
function readLines(socket: Socket, most: number, take: (line: string | null) => void): void {
  let held = Buffer.alloc(0);
  let isOver = false;
  socket.on("data", (chunk: Buffer) => {
    if (isOver) return;
    held = Buffer.concat([held, chunk]);
    for (let end = held.indexOf(10); end >= 0 && end <= most; end = held.indexOf(10)) {
      take(held.toString("utf8", 0, end));
      held = held.subarray(end + 1);
    }
    if (held.length <= most) return;
    isOver = true;
    held = Buffer.alloc(0);
    take(null);
  });
}

function listen(path: string, take: (socket: Socket) => void): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  const server = createServer(take);
  server.on("error", reject);
  const umask = process.umask(0o177);
  try {
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve(server);
    });
  } finally {
    process.umask(umask);
  }
  return promise;
}

function isAlive(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path, () => {
    socket.destroy();
    resolve(true);
  });
  socket.on("error", () => resolve(false));
  return promise;
}

/** The shorter of the absolute path and the one from here: the system cuts long ones off without a word. */
function toSocketPath(path: string): string {
  const near = isAbsolute(path) ? relative(process.cwd(), path) : path;
  const shorter = near.length < path.length ? near : path;
  if (Buffer.byteLength(shorter) <= SOCKET_PATH_BYTES) return shorter;
  throw new SagewatchError(
    "config_invalid",
    `state.dir is too long for its socket: ${path} has more than ${SOCKET_PATH_BYTES} bytes; choose a shorter folder`,
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

function toFault(code: ErrorCode, message: string): string {
  return `${JSON.stringify({ ok: false, code, message })}\n`;
}
