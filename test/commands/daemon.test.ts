/**
 * The daemon and the commands around it as real processes over real files: run, alerts, quarantine.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseLines, run, type Running, start } from "./cli.ts";
import { deliver, record } from "./records.ts";

const root = mkdtempSync(join(tmpdir(), "sagewatch-daemon-"));
const input = join(root, "input");
const live: Running[] = [];
afterAll(() => rmSync(root, { recursive: true }));
afterEach(async () => {
  for (const { child, ended } of live.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});

beforeAll(() => {
  mkdirSync(input);
  deliver(input, "0805", [record(1), record(2, { eventName: "DescribeTrails", readOnly: true })]);
  deliver(input, "0810", [record(301), "[1,2]", record(1), record(302, { eventTime: "soon" })]);
});

/** A folder of its own with a configuration; `mode` of its file source. */
function setUp(name: string, mode: "once" | "watch", paths = [input]): { dir: string; config: string; state: string } {
  const dir = join(root, name);
  mkdirSync(dir);
  const config = join(dir, "sagewatch.yml");
  const settings = {
    state: { dir: join(dir, "state") },
    sources: [{ type: "file", name: "trail", paths, mode }],
    sinks: [
      { type: "file", name: "out", path: join(dir, "alerts.ndjson") },
      { type: "console", format: "json" },
    ],
    accounts: { "111122223333": { name: "ml-prod" } },
  };
  writeFileSync(config, JSON.stringify(settings));
  return { dir, config, state: join(dir, "state") };
}

function startDaemon(config: string): Running {
  const running = start(["run", "--config", config]);
  live.push(running);
  return running;
}

const contents = (text: string): unknown[] =>
  parseLines(text)
    .map(({ revision: _revision, seenTime: _seen, pointers: _places, enrichment: _added, ...content }) => content)
    .toSorted((left, right) => String(left["id"]).localeCompare(String(right["id"])));

describe("run once", () => {
  test("alerts go to the sinks, stdout carries nothing else, stderr is JSON, the exit code is 0 in spite of the quarantine", async () => {
    const { dir, config, state } = setUp("once", "once");
    const { code, stdout, stderr } = await run(["run", "--config", config]);
    expect(code).toBe(0);
    const file = readFileSync(join(dir, "alerts.ndjson"), "utf8");
    expect(contents(stdout)).toEqual(contents(file));
    const place = { source: "trail", path: expect.stringContaining(`${input}/`), index: 0 };
    expect(parseLines(file).map(({ pointers }) => pointers)).toEqual([[place], [place]]);
    expect(parseLines(file).map(({ accountName }) => accountName)).toEqual(["ml-prod", "ml-prod"]);
    const signals = parseLines(stderr).map(({ signal }) => signal);
    expect(signals.slice(0, 2)).toEqual(["started", "config_loaded"]);
    expect(signals).toEqual(
      expect.arrayContaining([
        "rules_default_calendar",
        "rules_loaded",
        "store_opened",
        "quarantined",
        "alert_written",
      ]),
    );
    expect(statSync(state).mode & 0o777).toBe(0o700);
  });

  test("a reserve that cannot be made is told of, and the run goes on", async () => {
    const { config, state } = setUp("no-reserve", "once");
    mkdirSync(state, { mode: 0o700 });
    symlinkSync(join(state, "missing", "file"), join(state, "reserve"));
    const { code, stderr } = await run(["run", "--config", config]);
    expect(code).toBe(0);
    expect(parseLines(stderr).find(({ signal }) => signal === "reserve_missing")).toMatchObject({
      level: "warn",
      path: join(state, "reserve"),
    });
  });

  test("replay over the same folder gives the same ids and contents, apart from what the configuration adds", async () => {
    const { config } = setUp("same", "once");
    const { stdout: ran } = await run(["run", "--config", config]);
    const replayed = await run(["replay", "--config", config, "--format", "ndjson", input]);
    expect(replayed.code).toBe(0);
    expect(contents(replayed.stdout)).toEqual(contents(ran));
    const paths = (text: string): Set<string> =>
      new Set(parseLines(text).flatMap(({ pointers }) => (pointers as { path: string }[]).map(({ path }) => path)));
    expect(paths(ran).size).toBe(2);
    expect(paths(replayed.stdout)).toEqual(paths(ran));
  });

  test("a file that cannot be read is named and makes the exit code 3; all else is there, once", async () => {
    const folder = join(root, "unread");
    mkdirSync(folder);
    deliver(folder, "0805", [record(1)]);
    const broken = join(folder, "broken.json");
    symlinkSync(broken, broken); // no permission stops root, a link to itself does
    const { dir, config } = setUp("unread-run", "once", [folder]);
    const said = `1 file could not be read: ${broken}: ELOOP`;
    const ran = await run(["run", "--config", config]);
    expect([ran.code, parseLines(ran.stdout).length]).toEqual([3, 1]);
    expect(parseLines(ran.stderr).at(-1)).toMatchObject({
      signal: "failed",
      code: "input_unreadable",
      detail: expect.stringContaining(said),
    });
    const replayed = await run(["replay", "--config", config, "--format", "ndjson", folder]);
    expect([replayed.code, contents(replayed.stdout)]).toEqual([3, contents(ran.stdout)]);
    expect(replayed.stderr).toMatch(new RegExp(`^not read +${said}$`, "m"));
    rmSync(broken);
    deliver(folder, "0810", [record(301)]);
    expect((await run(["run", "--config", config])).code).toBe(0);
    expect(parseLines(readFileSync(join(dir, "alerts.ndjson"), "utf8"))).toHaveLength(2);
  });

  const isRoot = process.getuid?.() === 0; // no permission stops root
  const unfit: readonly (readonly [string, string, string])[] = [
    ["is a file", "taken", "there is a file of that name"],
    ["lies below a file", "taken/state", "not a directory"],
    ...(isRoot ? [] : ([["lies in a folder that may not be written", "closed/state", "permission denied"]] as const)),
  ];
  test.each(unfit)("a state folder that %s is refused: code, exit 3, what to do", async (name, path, why) => {
    const { dir, config } = setUp(name.replaceAll(" ", "-"), "once");
    writeFileSync(join(dir, "taken"), "mine");
    mkdirSync(join(dir, "closed"));
    const state = join(dir, path);
    const settings = { ...JSON.parse(readFileSync(config, "utf8")), state: { dir: state } };
    writeFileSync(config, JSON.stringify(settings));
    chmodSync(join(dir, "closed"), 0o500);
    const { code, stdout, stderr } = await run(["run", "--config", config]);
    chmodSync(join(dir, "closed"), 0o700);
    expect([code, stdout, readFileSync(join(dir, "taken"), "utf8")]).toEqual([3, "", "mine"]);
    expect(parseLines(stderr).at(-1)).toMatchObject({
      level: "fatal",
      signal: "failed",
      code: "store_failed",
      detail: expect.stringMatching(new RegExp(`${state}.*${why}.*state\\.dir`)),
    });
  });

  test("a rule set with an error is refused with its place, and nothing runs", async () => {
    const { dir, config } = setUp("bad-rules", "once");
    const rule = join(dir, "rule.yml");
    writeFileSync(
      rule,
      "title: A\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  a: {eventName|contians: X}\n  condition: a\n",
    );
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), rules: { paths: [rule] } }));
    const { code, stdout, stderr } = await run(["run", "--config", config]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(parseLines(stderr).at(-1)).toMatchObject({
      level: "fatal",
      signal: "failed",
      code: "rules_rejected",
      detail: expect.stringContaining(`${rule}:4:`),
    });
  });
});

describe("looking", () => {
  let state = "";
  beforeAll(async () => {
    const own = setUp("look", "once");
    ({ state } = own);
    await run(["run", "--config", own.config]);
  });

  test("alerts list filters and orders, newest first", async () => {
    const list = async (...args: string[]): Promise<Record<string, unknown>[]> =>
      parseLines((await run(["alerts", "list", "--state", state, "--format", "ndjson", ...args])).stdout);
    const all = await list();
    expect(all.map(({ lastEventTime }) => lastEventTime)).toEqual(["2026-03-10T08:05:01Z", "2026-03-10T08:00:01Z"]);
    expect(await list("--from", "2026-03-10T08:01:00Z")).toEqual(all.slice(0, 1));
    expect(await list("--to", "2026-03-10T08:01:00Z")).toEqual(all.slice(1));
    expect(await list("--since", "2026-03-10T08:01:00Z", "--json")).toEqual(all.slice(0, 1));
    expect(await list("--until", "2026-03-10T08:01:00Z")).toEqual(all.slice(1));
    expect(await list("--since", "2h")).toEqual([]);
    expect(await list("--severity", "low")).toEqual(all);
    expect(await list("--sort", "oldest", "--limit", "1")).toEqual(all.slice(1));
    expect(await list("--limit", "1")).toEqual(all.slice(0, 1));
    expect(await list("--principal", "arn:aws:iam::111122223333:user/mallory", "--account", "111122223333")).toEqual(
      all,
    );
  });

  test("alerts list takes a rule by the name of its file or its title, and says what may be a slip where nothing is found", async () => {
    const list = (...args: string[]): ReturnType<typeof run> =>
      run(["alerts", "list", "--state", state, "--format", "ndjson", ...args]);
    const byFile = parseLines((await list("--rule", "log-trail-off")).stdout);
    expect(byFile).toHaveLength(2);
    expect(parseLines((await list("--rule", String(byFile[0]!["ruleName"]))).stdout)).toEqual(byFile);
    expect(parseLines((await list("--rule", String(byFile[0]!["ruleId"]))).stdout)).toEqual(byFile);
    expect(await list("--rule", "log-trial-off")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "--rule: no configured rule is called log-trial-off; did you mean log-trail-off?\n",
    });
    expect((await list("--principal", "User/mallory", "--account", "ml-prod")).stderr).toMatch(
      /User\/mallory must be a name as tables show it.*\n.*12 digits, and ml-prod is none/,
    );
    for (const name of ["user/mallory", "mallory"])
      expect(parseLines((await list("--principal", name)).stdout)).toEqual(byFile);
  });

  test("alerts show takes the first characters of an id and tells where the record is", async () => {
    const [alert] = parseLines((await run(["alerts", "list", "--state", state, "--format", "ndjson"])).stdout);
    const id = String(alert!["id"]);
    const shown = await run(["alerts", "show", "--state", state, id.slice(0, 8)]);
    expect(shown.stdout).toContain(id);
    // Long paths are broken at the screen's width.
    expect(shown.stdout.replaceAll(/\s+/g, "")).toMatch(/readfrom\S+T0810Z_0123456789abcdef\.json\.gz,record0/);
    const table = await run(["alerts", "list", "--state", state]);
    expect(table.stdout).toContain(id.slice(0, 8));
    const raw = await run(["alerts", "show", "--state", state, "--raw", id]);
    expect(parseLines(raw.stdout)).toEqual([record(301)]);
    expect(await run(["alerts", "show", "--state", state, "ffffffff"])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("no alert has an id that begins with"),
    });
    expect((await run(["alerts", "show", "--state", state, id.slice(0, 3)])).stderr).toContain(
      "too short: give 4 characters or more",
    );
  });

  test("alerts show tells an ambiguous id apart from an unknown one, and names those that it may mean", async () => {
    const folder = join(root, "crowd");
    mkdirSync(folder);
    const names = Array.from({ length: 1500 }, (_, index) => record(index));
    deliver(folder, "0900", names);
    const crowd = setUp("alike", "once", [folder]);
    await run(["run", "--config", crowd.config]);
    const listed = await run(["alerts", "list", "--state", crowd.state, "--limit", "2000", "--format", "ndjson"]);
    const groups = Map.groupBy(
      parseLines(listed.stdout).map(({ id }) => String(id)),
      (id) => id.slice(0, 4),
    );
    const [prefix, alike] = [...groups].find(([, ids]) => ids.length > 1)!;
    const shown = await run(["alerts", "show", "--state", crowd.state, prefix]);
    expect(shown).toMatchObject({ code: 2, stdout: "" });
    expect(shown.stderr).toContain(`more than one alert has an id that begins with "${prefix}"`);
    for (const id of alike) expect(shown.stderr).toContain(`\n  ${id}  CloudTrail switched off`);
  });

  test("quarantine list and show say why, and the record is whole", async () => {
    const rows = parseLines((await run(["quarantine", "list", "--state", state, "--format", "ndjson"])).stdout);
    expect(new Set(rows.map(({ reason }) => reason))).toEqual(new Set(["bad_json", "no_event_time"]));
    const row = rows.find(({ reason }) => reason === "no_event_time")!;
    const shown = await run(["quarantine", "show", "--state", state, String(row["id"])]);
    expect(shown.stdout).toMatch(/reason +no_event_time: The event time is missing/);
    const raw = await run(["quarantine", "show", "--state", state, "--raw", String(row["id"])]);
    expect(JSON.parse(raw.stdout)).toMatchObject({ eventTime: "soon" });
    expect(await run(["quarantine", "show", "--state", state, "999"])).toMatchObject({ code: 2, stdout: "" });
  });

  test("quarantine replay without a daemon counts one more try for what is still wrong", async () => {
    const replayed = await run(["quarantine", "replay", "--state", state, "--all"], { cwd: root });
    expect(replayed).toMatchObject({ code: 0, stdout: "replayed 2: 0 evaluated, 2 in quarantine again, 0 alerts\n" });
    const rows = parseLines((await run(["quarantine", "list", "--state", state, "--format", "ndjson"])).stdout);
    expect(rows.map(({ tries }) => tries)).toEqual([1, 1]);
  });
});

describe("a watching daemon", () => {
  test("takes what appears, answers on its socket, holds its folder alone, and drains on SIGTERM", async () => {
    const spool = join(root, "spool");
    mkdirSync(spool);
    const { config, state, dir } = setUp("watch", "watch", [spool]);
    const daemon = startDaemon(config);
    await daemon.until(/"control_opened"/);
    deliver(spool, "0805", [record(7), "[]"]);
    await daemon.until(/"lastEventTime":"2026-03-10T08:00:07Z"/);

    expect(await run(["run", "--config", config])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("store_locked"),
    });
    expect(parseLines((await run(["alerts", "list", "--state", state, "--format", "ndjson"])).stdout)).toHaveLength(1);
    expect(await run(["quarantine", "replay", "--config", config, "--all"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^replayed 1: 0 evaluated, 1 in quarantine again/),
    });

    daemon.child.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    expect(code).toBe(0);
    expect(parseLines(stderr).map(({ signal }) => signal)).toContain("draining");
    expect(parseLines(readFileSync(join(dir, "alerts.ndjson"), "utf8"))).toHaveLength(1);
  });

  test("whose console's reader leaves drains, ends with 3 and a coded line, and keeps what was not delivered", async () => {
    const spool = join(root, "spool-3");
    mkdirSync(spool);
    const { dir, config, state } = setUp("left", "watch", [spool]);
    const daemon = startDaemon(config);
    await daemon.until(/"control_opened"/);
    daemon.child.stdout?.destroy();
    deliver(spool, "0805", [record(1)]);
    const { code, stderr } = await daemon.ended;
    const log = parseLines(stderr);
    expect([code, log.find(({ signal }) => signal === "drained")]).toEqual([
      3,
      expect.objectContaining({ undelivered: 1 }),
    ]);
    expect(log.find(({ signal }) => signal === "undelivered")).toMatchObject({ level: "warn", alerts: 1 });
    expect(log.at(-1)).toMatchObject({
      level: "fatal",
      signal: "failed",
      code: "sink_failed",
      detail: expect.stringMatching(/console has nowhere to write.*waits in .*state for the next start/),
    });
    const [delivered] = parseLines(readFileSync(join(dir, "alerts.ndjson"), "utf8"));
    const again = startDaemon(config);
    await again.until(new RegExp(String(delivered!["id"])));
    again.child.kill("SIGTERM");
    const ended = await again.ended;
    expect([ended.code, parseLines(ended.stdout).map(({ id }) => id)]).toEqual([0, [delivered!["id"]]]);
    expect(parseLines((await run(["alerts", "list", "--state", state, "--format", "ndjson"])).stdout)).toHaveLength(1);
  });

  test("a second signal ends it at once", async () => {
    const spool = join(root, "spool-2");
    mkdirSync(spool);
    const daemon = startDaemon(setUp("twice", "watch", [spool]).config);
    await daemon.until(/"control_opened"/);
    daemon.child.kill("SIGINT");
    daemon.child.kill("SIGTERM");
    const { code } = await daemon.ended;
    expect([0, 130, 143]).toContain(code);
  });
});
