// Runs npm during set-up: the very npm that runs us, on a Node of our choice, with its output on stderr.
//
// Packages' install scripts never run. A signal is passed on and npm is waited for, since it rolls back half-done work
// and the next run would otherwise meet a half-emptied folder. It promises an exit code and judges nothing: npm ends
// with 0 even when an optional package could not be fetched, so the caller must look at what arrived.
import { spawn } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";
import { noteNpm } from "./lock.mjs";
import { die, say } from "./place.mjs";

const BEAT_MS = 5000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

// Both retry timeouts are set: with a maximum below the minimum's default every fetch fails at once, and silently
// where the package is optional. The defaults together mean 70 s of silence on a machine without a network.
const FLAGS = [
  "--ignore-scripts",
  "--include=dev",
  "--include=optional",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--prefer-offline",
  "--fetch-retries=3",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=5000",
];

/** `npm ARGS` in a folder, run by the given Node binary; says `text` first. Answers npm's exit code. */
export function npm(onNode, args, { cwd, text }) {
  const cli = /\.c?js$/.test(process.env.npm_execpath ?? "") ? [process.env.npm_execpath] : undefined;
  const isWindows = process.platform === "win32";
  const command = cli ? onNode : isWindows ? "npm.cmd" : "npm";
  say(text);
  const child = spawn(command, [...(cli ?? []), ...args, ...FLAGS], {
    cwd,
    env: cleanEnv(onNode),
    stdio: ["ignore", 2, 2],
    shell: !cli && isWindows,
  });
  if (child.pid !== undefined) noteNpm(child.pid);
  return waitFor(child);
}

function waitFor(child) {
  const begunAt = Date.now();
  const beat = setInterval(() => say(`... ${Math.round((Date.now() - begunAt) / 1000)} s`), BEAT_MS);
  let stoppedBy;
  const onSignal = (signal) => {
    stoppedBy = signal;
    if (signal !== "SIGINT") child.kill(signal); // a terminal's Ctrl-C reaches npm by itself
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return new Promise((resolve) => {
    const finish = (code) => {
      clearInterval(beat);
      for (const signal of SIGNALS) process.off(signal, onSignal);
      if (stoppedBy) {
        die("stopped; the next run repairs what is half done.", 128 + os.constants.signals[stoppedBy]);
      }
      resolve(code ?? 1);
    };
    child.on("error", () => finish(1)).on("close", finish);
  });
}

/** The environment without the settings of an outer `npm run`, except how to reach the registry and the cache. */
function cleanEnv(onNode) {
  const isOuter = (key) => /^npm_(config|lifecycle|package)_/i.test(key);
  const isNeeded = (key) => /registry|proxy|cafile|_cache$|userconfig|globalconfig|strict_ssl/i.test(key);
  const kept = Object.entries(process.env).filter(([key]) => !isOuter(key) || isNeeded(key));
  const env = Object.fromEntries(kept);
  return { ...env, PATH: path.dirname(onNode) + path.delimiter + env.PATH };
}
