/** Backfill by LookupEvents, where no source has a trail: the same alerts, in the pace of the account, and its limits. */
import { join } from "node:path";
import { onTestFinished, expect, test } from "vitest";
import { openViews } from "../../src/store/views.ts";
import { useEnvironmentCredentials } from "../aws/set-up.ts";
import { start } from "../commands/cli.ts";
import { configText, createPlace, replay, run, TIMEOUT_MS, toConfig, toContents, write } from "../e2e/make.ts";
import { serveCloudTrail } from "../fakes/cloudtrail.ts";
import { startFake } from "../fakes/service.ts";
import { files, records, RULES } from "./world.ts";

useEnvironmentCredentials();

/** LookupEvents has 90 days: what the world says of January was so many days ago. */
const DAYS_MS = (Math.floor(Date.now() / 86_400_000) - 3) * 86_400_000 - Date.UTC(2026, 0, 2);
const shift = (text: string): string =>
  text.replace(/"eventTime":"([^"]+)"/, (_, time: string) => {
    const moved = new Date(Date.parse(time) + DAYS_MS).toISOString();
    return `"eventTime":"${moved.replace(".000Z", "Z")}"`;
  });
const at = (hour: number): string => new Date(Date.UTC(2026, 0, 2, hour) + DAYS_MS).toISOString();

test(
  "finds what was missed by LookupEvents, at 1.8 requests a second, within its limit",
  { timeout: TIMEOUT_MS },
  async () => {
    const all = records().map(({ timeMs, text }) => ({ timeMs: timeMs + DAYS_MS, text: shift(text) }));
    const fake = await startFake([serveCloudTrail(() => all)]);
    onTestFinished(() => fake.close());
    const place = createPlace();
    const rules = { paths: [write(join(place.root, "own", "rules.yml"), RULES)] };
    const missed = new Set(files().flatMap(({ isMissed, texts }) => (isMissed ? texts : [])));
    const toLines = (texts: readonly string[]): string => texts.map((text) => `${shift(text)}\n`).join("");
    const texts = records().map(({ text }) => text);
    write(join(place.root, "all", "all.json"), toLines(texts));
    write(join(place.input, "seen.json"), toLines(texts.filter((text) => !missed.has(text))));
    await run(toConfig(place, { more: { rules } }));
    const expected = await replay(toConfig(place, { more: { rules } }), [join(place.root, "all")]);
    const source = { type: "cloudtrail-lookup", name: "asked", regions: ["eu-west-1"], endpoint: fake.url };
    const settings = { more: { rules, sources: [source], http: { enabled: false } } };
    const config = write(join(place.root, "backfill.yml"), configText(place, settings));
    const backfill = (...more: readonly string[]): ReturnType<typeof start>["ended"] =>
      start(["backfill", "--from", at(5), "--to", at(6), "--config", config, ...more]).ended;
    const dry = await backfill("--dry-run");
    expect(dry.stdout, dry.stderr).toMatch(/, LookupEvents, at least 3 requests, at least 2s\n$/);
    expect(fake.requests.length).toBe(0);
    const few = await backfill("--max-requests", "4");
    expect([few.code, few.stderr]).toEqual([1, expect.stringContaining("more than 4 requests")]);
    expect(fake.requests.length).toBe(4);
    const begunMs = performance.now();
    const { code, stdout, stderr } = await backfill();
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ records read; [1-9]\d* new alerts/);
    // Windows that were read whole before are not asked for again.
    const asked = fake.requests.length - 4;
    expect(asked).toBeLessThan(6);
    expect(performance.now() - begunMs).toBeGreaterThan(((asked - 1) / 1.8) * 1000 - 50);
    const views = openViews(place.state);
    const after = toContents(views.alerts({ limit: 1000 }));
    views.close();
    expect(after).toEqual(toContents(expected.alerts));
  },
);
