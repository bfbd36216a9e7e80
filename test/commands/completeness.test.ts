/** `sagewatch completeness`: the hours of a state folder as a table, as JSON, and as an exit code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import type { IntegrityNote } from "../../src/model/integrity/notes.ts";
import { openStore } from "../../src/store/store.ts";
import { unit } from "../store/make.ts";
import { call } from "./cli.ts";

const HOUR = 3_600_000;
/** The start of the hour five hours ago. */
const START = Math.floor(Date.now() / HOUR) * HOUR - 5 * HOUR;
const time = (hour: number): string => new Date(START + hour * HOUR).toISOString().replace(".000Z", "Z");
let state: string;

function digest(hour: number, state: "proven" | "broken"): readonly IntegrityNote[] {
  const uri = `s3://logs/${hour}`;
  const endMs = START + (hour + 1) * HOUR;
  const place = { accountId: "111122223333", region: "eu-west-1", chain: "c", endMs, isBackfill: false };
  const said = { startMs: endMs - HOUR, endMs, hash: "h", signature: "s", previous: null };
  const files = [{ uri: `s3://logs/AWSLogs/${hour}`, hash: "x" }];
  return [
    { is: "read", source: "trail", uri, place, fault: null, readMs: START, said, files, isAgain: false },
    { is: "file", source: "trail", uri: files[0]?.uri ?? "", ...place, hourMs: endMs - HOUR, hash: "x", lost: null },
    {
      is: "judged",
      uri,
      state,
      isLinked: true,
      files: [{ uri: files[0]?.uri ?? "", state: state === "proven" ? "proven" : "altered" }],
    },
  ];
}

beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "sagewatch-completeness-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  state = join(root, "state");
  const store = openStore({ dir: state, clock: systemClock, engine: "test" });
  store.commit(unit({ integrity: [...digest(0, "proven"), ...digest(1, "broken"), ...digest(2, "proven")] }));
  store.close();
});

test("shows each hour with its state and counts, and what they come to", async () => {
  const { code, stdout } = await call("completeness", "--state", state);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/ {2,}/).map((cell) => cell.trim()));
  expect(lines[0]).toEqual("ACCOUNT REGION HOUR STATE SEEN PROVEN MISSING ALTERED UNLISTED UNREAD LATE".split(" "));
  const row = (hour: number, ...cells: readonly string[]) => ["111122223333", "eu-west-1", time(hour), ...cells];
  expect(lines[1]).toEqual(row(0, "proven", "1", "1", "0", "0", "0", "0", "1"));
  expect(lines[2]).toEqual(row(1, "broken", "1", "0", "0", "1", "0", "0", "1"));
  expect(lines[3]?.slice(0, 4)).toEqual(row(2, "proven"));
  expect(stdout).toContain("6 hours: 2 proven, 3 open, 1 broken\n");
  expect(code).toBe(1);
});

test("takes a span, an account and a Region, and says no when nothing is missing or broken", async () => {
  const span = ["--from", time(2), "--to", time(3)];
  const { code, stdout } = await call("completeness", "--state", state, "--json", ...span);
  expect(code).toBe(0);
  const parsed = JSON.parse(stdout) as Record<string, unknown>;
  expect(parsed).toEqual({
    from: time(2),
    to: time(3),
    totals: { proven: 1, open: 0, unproven: 0, missing: 0, broken: 0 },
    hours: [
      {
        accountId: "111122223333",
        region: "eu-west-1",
        hour: time(2),
        state: "proven",
        seen: 1,
        proven: 1,
        altered: 0,
        missing: 0,
        unread: 0,
        unlisted: 0,
        late: 1,
      },
    ],
  });
  for (const other of [
    ["--account", "444455556666"],
    ["--region", "us-east-1"],
  ]) {
    const answer = await call("completeness", "--state", state, ...span, ...other);
    expect(answer).toMatchObject({ code: 0, stdout: "" });
    expect(answer.stderr).toContain("Nothing is known of these hours");
  }
});

test("says that there is no state folder", async () => {
  expect((await call("completeness", "--state", `${state}-none`)).code).toBe(2);
});
