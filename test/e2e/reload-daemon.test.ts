/**
 * The daemon as a process: SIGHUP, `sagewatch rules reload`, the watch of rule files, and the last good set at a start.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { LAST_GOOD } from "../../src/compose/last-good.ts";
import { parseLines, run, start } from "../commands/cli.ts";
import { deliver, record } from "../commands/records.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { openViews } from "../../src/store/views.ts";
import { toRecordsText } from "../chaos/input.ts";
import { createPlace, type Place, replay, startRun, TIMEOUT_MS, toConfig, toContents, until, write } from "./make.ts";

type Daemon = ReturnType<typeof startDaemon>;

/** A place whose rules are in a folder of their own, and its configuration. */
function setUp(more: Readonly<Record<string, unknown>> = {}): { place: Place; rules: string; config: string } {
  const place = createPlace();
  const rules = join(place.root, "own-rules");
  mkdirSync(rules);
  const config = join(place.root, "sagewatch.yml");
  writeConfig({ place, rules, config }, more);
  return { place, rules, config };
}

function writeConfig(
  { place, rules, config }: { place: Place; rules: string; config: string },
  more: Readonly<Record<string, unknown>> = {},
): void {
  const settings = {
    state: { dir: place.state },
    sources: [{ type: "file", name: "in", paths: [place.input], mode: "watch" }],
    sinks: [{ type: "file", name: "out", path: place.sink }],
    rules: { paths: [rules], watch: false },
    updateEvery: "1s",
    ...more,
  };
  writeFileSync(config, JSON.stringify(settings));
}

function startDaemon(config: string) {
  const running = start(["run", "--config", config]);
  let text = "";
  running.child.stderr?.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const signals = (): Record<string, unknown>[] => parseLines(text.slice(0, text.lastIndexOf("\n") + 1));
  const told = (type: string): Record<string, unknown>[] => signals().filter(({ signal }) => signal === type);
  const stop = async (): Promise<number> => {
    running.child.kill("SIGTERM");
    return (await running.ended).code;
  };
  return { ...running, told, stop };
}

const rule = (title: string, eventName: string, id = "22222222-2222-4222-8222-222222222222"): string =>
  `title: ${title}\nid: ${id}\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  look: {eventName: ${eventName}}\n  condition: look\n`;
const count = (gte: number): string =>
  `title: Many\nname: many\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [22222222-2222-4222-8222-222222222222]\n  group-by: [userIdentity.arn]\n  timespan: 1h\n  condition: {gte: ${gte}}\n`;

const sinkIds = ({ sink }: Place): string[] => {
  const text = statSync(sink, { throwIfNoEntry: false }) === undefined ? "" : readFileSync(sink, "utf8");
  return parseLines(text).map(({ ruleId }) => String(ruleId));
};

async function opened(daemon: Daemon): Promise<void> {
  await until(() => daemon.told("store_opened").length > 0, "the daemon is open");
}

test(
  "SIGHUP and the command: new rules at work, what changed is told, a broken set is refused",
  { timeout: TIMEOUT_MS },
  async () => {
    const { place, rules, config } = setUp();
    const file = write(join(rules, "a.yml"), rule("Looked", "DescribeTrails"));
    const daemon = startDaemon(config);
    await opened(daemon);
    deliver(
      place.input,
      "0805",
      [1, 2, 3].map((n) => record(n, { eventName: "DescribeTrails" })),
    );
    await until(() => sinkIds(place).length === 3, "three alerts");

    // The records of before count for the correlation? Its state key is new: they do not, and it says that it warms up.
    write(join(rules, "many.yml"), count(2));
    const added = await run(["rules", "reload", "--config", config]);
    expect(added.code).toBe(0);
    expect(added.stdout).toMatch(/^added +Many \(many\)$/m);
    expect(added.stdout).toMatch(/^warming +Many \(many\): its windows are whole in 1h, at /m);
    expect(added.stdout).toMatch(/1 added, 0 removed, 1 changed, 0 kept; \d+ ms, the input paused for \d+ ms/);
    deliver(
      place.input,
      "0810",
      [4, 5].map((n) => record(n, { eventName: "DescribeTrails" })),
    );
    await until(() => sinkIds(place).includes("many"), "the correlation fires");

    // SIGHUP reads the configuration too: a list of it, and a key that needs a restart.
    writeConfig(
      { place, rules, config },
      { accounts: { "111122223333": { name: "ml-prod" } }, commit: { records: 100 } },
    );
    daemon.child.kill("SIGHUP");
    await until(() => daemon.told("rules_reloaded").length === 2, "the second reload");
    expect(daemon.told("restart_needed")).toMatchObject([{ keys: ["commit.records"] }]);
    await until(
      () => readFileSync(place.sink, "utf8").includes('"accountName":"ml-prod"'),
      "the open alert says the account's name",
    );

    writeFileSync(file, `${rule("Looked", "DescribeTrails")}detecton: 1\nlevel: lou\n`);
    const refused = await run(["rules", "reload", "--config", config]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/^refused: the daemon runs on/);
    expect(refused.stdout).toContain(`${file}:`);
    expect(JSON.parse((await run(["rules", "reload", "--format", "json", "--config", config])).stdout)).toMatchObject({
      status: "rejected",
      code: "rules_rejected",
    });
    await until(() => sinkIds(place).includes("sagewatch.rules_rejected"), "the operational alert");
    expect(sinkIds(place).filter((id) => id === "sagewatch.rules_rejected")).toHaveLength(1);
    expect(await daemon.stop()).toBe(0);

    const absent = await run(["rules", "reload", "--config", config]);
    expect([absent.code, absent.stdout]).toEqual([3, ""]);
    expect(absent.stderr).toContain(`no daemon runs on the state folder ${place.state}`);
  },
);

test(
  "a correlation whose group-by is changed and changed back: the reload says what its windows begin with",
  { timeout: TIMEOUT_MS },
  async () => {
    const { place, rules, config } = setUp();
    write(join(rules, "a.yml"), rule("Looked", "DescribeTrails"));
    const seen = "33333333-3333-4333-8333-333333333333";
    write(join(rules, "b.yml"), rule("Seen", "DescribeTrails", seen));
    const file = write(join(rules, "many.yml"), count(2));
    const daemon = startDaemon(config);
    await opened(daemon);
    deliver(place.input, "0805", [record(1, { eventName: "DescribeTrails" })]);
    await until(() => sinkIds(place).includes(seen), "the record is committed");

    writeFileSync(file, count(2).replace("userIdentity.arn", "awsRegion"));
    const away = await run(["rules", "reload", "--config", config]);
    expect(away.stdout).toMatch(/^changed +Many \(many\): its meaning changed: its windows begin empty$/m);
    writeFileSync(file, count(2));
    const back = await run(["rules", "reload", "--config", config]);
    expect(back.stdout).toMatch(
      /^changed +Many \(many\): its meaning changed: its windows begin with what is kept of that meaning/m,
    );
    expect(back.stdout).toMatch(/^warming +Many \(many\)/m);
    deliver(place.input, "0810", [record(2, { eventName: "DescribeTrails" })]);
    await until(() => sinkIds(place).includes("many"), "it fires with the record of before");
    expect(await daemon.stop()).toBe(0);
  },
);

test(
  "a start with broken rules goes on with the last good set and says so; without one it ends with 2",
  { timeout: TIMEOUT_MS },
  async () => {
    const { place, rules, config } = setUp();
    const file = write(join(rules, "a.yml"), rule("Looked", "DescribeTrails"));
    const first = startDaemon(config);
    await opened(first);
    await until(
      () => statSync(join(place.state, LAST_GOOD), { throwIfNoEntry: false }) !== undefined,
      "the set is kept",
    );
    expect(statSync(join(place.state, LAST_GOOD)).mode & 0o777).toBe(0o600);
    expect(await first.stop()).toBe(0);

    writeFileSync(file, "title: Broken\ndetection: 7\n");
    const second = startDaemon(config);
    await until(() => second.told("rules_rejected").length > 0, "the refusal is told");
    expect(second.told("rules_rejected")).toMatchObject([{ trigger: "start", code: "rules_rejected" }]);
    deliver(place.input, "0805", [record(1, { eventName: "DescribeTrails" })]);
    await until(() => sinkIds(place).includes("22222222-2222-4222-8222-222222222222"), "the last good rule at work");
    await until(() => sinkIds(place).includes("sagewatch.rules_rejected"), "the operational alert");
    // Mended, it is taken over by a reload.
    writeFileSync(file, rule("Mended", "DescribeTrails"));
    expect((await run(["rules", "reload", "--config", config])).code).toBe(0);
    expect(await second.stop()).toBe(0);

    // A kept set that was changed by hand counts as none.
    const kept = join(place.state, LAST_GOOD);
    writeFileSync(kept, readFileSync(kept, "utf8").replace("Mended", "Forged"));
    writeFileSync(file, "title: Broken\ndetection: 7\n");
    expect(await run(["run", "--config", config])).toMatchObject({ code: 2, stdout: "" });
    rmSync(place.state, { recursive: true });
    const { code, stderr } = await run(["run", "--config", config]);
    expect(code).toBe(2);
    expect(parseLines(stderr).at(-1)).toMatchObject({ signal: "failed", code: "rules_rejected" });
  },
);

test(
  "the watch: many files at once, a rename and a switched link are one reload each; a touch is none",
  { timeout: TIMEOUT_MS },
  async () => {
    const { place, rules, config } = setUp();
    // As a Kubernetes config map lies in its folder: links to links.
    mkdirSync(join(rules, "..one"));
    write(join(rules, "..one", "a.yml"), rule("One", "DescribeTrails"));
    symlinkSync("..one", join(rules, "..now"));
    symlinkSync("..now/a.yml", join(rules, "a.yml"));
    writeConfig({ place, rules, config }, { rules: { paths: [rules] } });
    const daemon = startDaemon(config);
    await opened(daemon);
    const reloads = (): unknown[] =>
      daemon.told("rules_reloaded").map(({ trigger, added, changed }) => ({ trigger, added, changed }));

    mkdirSync(join(rules, "..two"));
    write(join(rules, "..two", "a.yml"), rule("Two", "DescribeTrails"));
    symlinkSync("..two", join(rules, "..next"));
    renameSync(join(rules, "..next"), join(rules, "..now"));
    await until(() => reloads().length === 1, "the switched link");
    expect(reloads()).toEqual([{ trigger: "watch", added: 0, changed: 1 }]);

    for (let n = 0; n < 20; n += 1) {
      const id = `22222222-2222-4222-8222-${String(n).padStart(12, "0")}`;
      write(join(rules, "more", `${n}.yml`), rule(`More ${n}`, "DescribeTrails", id));
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await until(() => reloads().length === 2, "the many files");
    expect(reloads().at(-1)).toEqual({ trigger: "watch", added: 20, changed: 0 });

    write(join(rules, "more", ".new"), rule("Renamed", "DescribeTrails", "22222222-2222-4222-8222-000000000000"));
    renameSync(join(rules, "more", ".new"), join(rules, "more", "0.yml"));
    await until(() => reloads().length === 3, "the rename");
    expect(reloads().at(-1)).toEqual({ trigger: "watch", added: 0, changed: 1 });

    // Half a file is refused, once; whole again it is no news, since nothing changed.
    write(join(rules, "more", "1.yml"), "title: [half");
    await until(() => daemon.told("rules_rejected").length === 1, "the half file is refused");
    write(join(rules, "more", "1.yml"), rule("More 1", "DescribeTrails", "22222222-2222-4222-8222-000000000001"));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect([reloads().length, daemon.told("rules_rejected").length]).toEqual([3, 1]);
    expect(await daemon.stop()).toBe(0);
  },
);

test("the default business hours are told of only where a rule asks for them", { timeout: TIMEOUT_MS }, async () => {
  const { place, rules, config } = setUp();
  const file = write(join(rules, "a.yml"), rule("Looked", "DescribeTrails"));
  const told = async (more: Readonly<Record<string, unknown>>): Promise<number> => {
    writeConfig({ place, rules, config }, { sources: [{ type: "file", paths: [place.input], mode: "once" }], ...more });
    const { code, stderr } = await run(["run", "--config", config]);
    expect(code).toBe(0);
    return parseLines(stderr).filter(({ signal }) => signal === "rules_default_calendar").length;
  };
  expect(await told({})).toBe(0);
  writeFileSync(file, rule("Late", "DescribeTrails, enrich.calendar.business.open: false"));
  expect(await told({})).toBe(1);
  const open = [{ days: ["mon"], from: "08:00", to: "17:00" }];
  expect(await told({ calendars: { business: { open } } })).toBe(0);
  const shop = { calendars: { shop: { open } }, accounts: { "111122223333": { calendar: "shop" } } };
  expect(await told(shop)).toBe(0);
  expect(await told({ ...shop, accounts: { ...shop.accounts, "222233334444": {} } })).toBe(1);
});

test(
  "kill -9 while rules are reloaded: the alerts of the rules that stay are those of a run that nobody disturbed",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    for (const [name, inside] of Map.groupBy(
      generateRecords({ seed: 5, records: 3_000, attacks: [] }),
      ({ file }) => file,
    ))
      write(join(place.input, name), gzipSync(toRecordsText(inside), { level: 1 }));
    const extra = join(place.root, "rules", "extra.yml");
    for (let n = 0; n < 5; n += 1) {
      const daemon = startRun(place, {});
      await Promise.race([until(() => daemon.log().includes("control_opened"), "a daemon is open"), daemon.ended]);
      write(extra, rule(`Extra ${n}`, "CreateUser", `22222222-2222-4222-8222-${String(n).padStart(12, "0")}`));
      daemon.process.kill("SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, n * 30));
      daemon.process.kill("SIGKILL");
      await daemon.ended;
    }
    rmSync(extra);
    expect(await startRun(place, {}).ended).toBe(0);
    const views = openViews(place.state);
    const held = views.alerts({}).filter(({ ruleName }) => !ruleName.startsWith("Extra"));
    views.close();
    const { alerts } = await replay(toConfig(place), [place.input]);
    expect(alerts.length).toBeGreaterThan(50);
    expect(toContents(held)).toEqual(toContents(alerts));
  },
);
