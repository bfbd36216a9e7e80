/**
 * The control socket against real sockets: answers, errors, hostile clients, and sockets that dead daemons left.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import type { Signal } from "../../src/model/signal.ts";
import { callControl, type Control, startControl } from "../../src/ops/control.ts";

let folder = "";
let path = "";
let control: Control | null = null;
let signals: Signal[] = [];

const start = async (socketPath = path): Promise<Control> =>
  startControl(
    socketPath,
    {
      echo: async (args) => args,
      refuse: async () => {
        throw new SagewatchError("not_found", "no record 7");
      },
      crash: async () => {
        throw new TypeError("a bug");
      },
    },
    { emit: (signal) => void signals.push(signal), clock: systemClock },
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-control-"));
  path = join(folder, "control.sock");
  signals = [];
});
afterEach(async () => {
  await control?.close();
  control = null;
  rmSync(folder, { recursive: true });
});

/** Sends raw text and gives all that comes back until the daemon or the wait ends. */
function talk(text: string, lines = 1): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const socket = connect(path, () => socket.write(text));
  let got = "";
  socket.on("data", (chunk) => {
    got += chunk.toString();
    if (got.split("\n").length > lines) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => resolve(got.split("\n").filter((line) => line !== "")));
  return promise;
}

describe("answers", () => {
  test("a command gets its result, and only the owner may ask", async () => {
    control = await start();
    expect(await callControl(path, "echo", { ids: [1, 2] })).toEqual({ status: "answered", result: { ids: [1, 2] } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(signals.map(({ type }) => type)).toEqual(["control_opened", "command"]);
  });

  test("an error of a handler reaches the caller by its code", async () => {
    control = await start();
    await expect(callControl(path, "refuse", {})).rejects.toMatchObject({ code: "not_found", message: "no record 7" });
    await expect(callControl(path, "crash", {})).rejects.toMatchObject({ code: "internal" });
    await expect(callControl(path, "nope", {})).rejects.toMatchObject({
      code: "usage",
      message: 'there is no command "nope"; commands: echo, refuse, crash',
    });
    await expect(callControl(path, "toString", {})).rejects.toMatchObject({ code: "usage" });
  });

  test("nobody there is an answer, not an error", async () => {
    expect(await callControl(path, "echo", {})).toEqual({ status: "absent" });
  });

  test("a daemon that hangs up is unreachable", async () => {
    const server = createServer((socket) => socket.destroy());
    server.listen(path);
    await expect(callControl(path, "echo", {})).rejects.toMatchObject({ code: "daemon_unreachable" });
    server.close();
  });
});

describe("hostile clients", () => {
  test.each([
    ["no JSON", "hello\n"],
    ["no object", "[1]\n"],
    ["no command", "{}\n"],
    ["args of the wrong type", '{"command":"echo","args":[1]}\n'],
    ["a name of Object.prototype", '{"command":"constructor"}\n'],
  ])("%s is refused and the next one is served", async (_name, text) => {
    control = await start();
    expect(JSON.parse((await talk(text))[0]!)).toMatchObject({ ok: false, code: "usage" });
    expect(await callControl(path, "echo", {})).toMatchObject({ status: "answered" });
  });

  test("an endless line is cut off", async () => {
    control = await start();
    const lines = await talk("x".repeat(70_000));
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(["a request may have 65536 bytes"]);
  });

  test("two requests in one packet are answered in order", async () => {
    control = await start();
    const lines = await talk('{"command":"echo","args":{"n":1}}\n{"command":"echo","args":{"n":2}}\n', 2);
    expect(lines.map((line) => JSON.parse(line).result.n)).toEqual([1, 2]);
  });

  test("a client that leaves in the middle harms nobody", async () => {
    control = await start();
    const socket = connect(path, () => {
      socket.write('{"command":"ec');
      socket.destroy();
    });
    expect(await callControl(path, "echo", {})).toMatchObject({ status: "answered" });
  });
});

describe("start", () => {
  test("a socket of a dead daemon is replaced, that of a live one is not", async () => {
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    try {
      execFileSync(process.execPath, ["-e", script], { stdio: "ignore" });
    } catch {
      // killed, as wanted
    }
    expect(statSync(path).isSocket()).toBe(true);
    expect(await callControl(path, "echo", {})).toEqual({ status: "absent" });
    control = await start();
    expect(await callControl(path, "echo", {})).toMatchObject({ status: "answered" });
    await expect(start()).rejects.toMatchObject({ code: "store_locked" });
  });

  test("a path too long for a socket is refused with the remedy", async () => {
    await expect(start(`/${"x".repeat(200)}/control.sock`)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("choose a shorter folder"),
    });
  });

  test("closing ends open connections", async () => {
    const own = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(path, () => void own.close());
    socket.on("close", () => resolve());
    await promise;
    expect(await callControl(path, "echo", {})).toEqual({ status: "absent" });
  });
});
