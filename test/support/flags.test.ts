/** The long runs say what they take, and what of it is wrong, before they begin anything. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

type Ended = { readonly code: unknown; readonly stdout: string; readonly stderr: string };

const start = (folder: string, flag: string): Promise<Ended> =>
  new Promise((resolve) => {
    const args = [join(import.meta.dirname, `../${folder}/run.ts`), flag];
    // As bin/sagewatch does it: stripped sources are kept.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/node") };
    execFile(process.execPath, args, { env, timeout: 110_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });

test.each([
  ["soak", "soak", "--minutes"],
  ["outages", "outages", "--only"],
  ["chaos", "chaos", "--runs"],
  ["reloads", "reload", "--reloads"],
  ["flood", "flood", "--keys"],
])("npm run %s: --help is help, an unknown flag is named", { timeout: 120_000 }, async (name, folder, flag) => {
  const [help, wrong] = await Promise.all([start(folder, "--help"), start(folder, "--no-such-flag")]);
  expect(help).toEqual({ code: 0, stdout: expect.stringMatching(`^usage: npm run ${name} -- .*${flag}`), stderr: "" });
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/^Unknown option '--no-such-flag'/);
  expect(wrong.stderr).toContain(help.stdout);
  expect(wrong.stderr).not.toMatch(/^\s+at /m);
});
