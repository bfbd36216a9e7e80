// Starting programs for the image test: each runs to its end, and a bad end is an error that carries what it said.
//
// Nothing goes through a shell. It promises the trimmed standard output; it never retries.
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const start = promisify(execFile);

/** A condition of the machine, not a fault of the image: the test ends with exit code 3 and this text. */
export class CannotRun extends Error {}

/** Standard output of a program; throws with its error output when it ends badly. */
export async function output(command, args, options = {}) {
  try {
    const { stdout } = await start(command, args, { maxBuffer: 64 * 1024 * 1024, ...options });
    return stdout.trim();
  } catch (error) {
    const said = String(error.stderr || error.stdout || error.message).trim();
    throw new Error(`${command} ${args.slice(0, 3).join(" ")}: ${said.split("\n").slice(-15).join("\n")}`, {
      cause: error,
    });
  }
}

/** Whether a program can be started and ends with 0. */
export function works(command, args, options = {}) {
  return spawnSync(command, args, { stdio: "ignore", ...options }).status === 0;
}

export function say(text) {
  process.stderr.write(`image: ${text}\n`);
}
