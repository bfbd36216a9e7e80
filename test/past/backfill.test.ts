/** Backfill from S3 without a daemon: what a run missed is found under the ids of a run over all; kills, limits, dry runs. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useEnvironmentCredentials } from "../aws/set-up.ts";
import { TIMEOUT_MS, toContents } from "../e2e/make.ts";
import { missAnHour } from "./set-up.ts";

useEnvironmentCredentials();

test(
  "finds what was missed, as a run over all would have said it, and delivers it",
  { timeout: TIMEOUT_MS },
  async () => {
    const { backfill, alerts, expected, delivered } = await missAnHour();
    const before = alerts();
    expect(before.map(({ id }) => id)).not.toEqual(expected.map(({ id }) => id).toSorted());
    const { code, stdout, stderr } = await backfill().ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ records read; \d+ new alerts, \d+ updated, \d+ as they were \(\d+ s\)\n$/);
    expect(toContents(alerts())).toEqual(toContents(expected));
    const known = new Set(before.map(({ id }) => id));
    const opened = expected.filter(({ id }) => !known.has(id));
    expect(opened.length).toBeGreaterThanOrEqual(4);
    const sent = new Set(delivered().map(({ id }) => id));
    for (const { id } of opened) expect(sent.has(id)).toBe(true);
  },
);

test(
  "repeated it changes nothing, and an order of its own makes no other alerts",
  { timeout: TIMEOUT_MS },
  async () => {
    const { backfill, alerts, delivered, place } = await missAnHour();
    expect((await backfill().ended).code).toBe(0);
    const [once, lines] = [alerts(), delivered().length];
    const again = await backfill().ended;
    expect(again.stdout).toMatch(/; 0 new alerts, 0 updated, \d+ as they were/);
    // By account and Region too: nothing is there but the one.
    const narrow = await backfill("--account", "111122223333", "--region", "eu-west-1", "--source", "in").ended;
    expect(narrow.stdout).toMatch(/^[1-9]\d* records read; 0 new alerts, 0 updated/);
    const other = await backfill("--account", "444455556666").ended;
    expect(other.stdout).toMatch(/^0 records read; 0 new alerts, 0 updated, 0 as they were/);
    expect(alerts()).toEqual(once);
    expect(delivered().length).toBe(lines);
    expect(readdirSync(join(place.state, "backfill"))).toEqual([]);
  },
);

test(
  "killed in the middle and given again, it goes on where it was and finds all",
  { timeout: TIMEOUT_MS },
  async () => {
    const { backfill, alerts, expected, fetched, committed, emulator, place } = await missAnHour({
      commit: { intervalMs: 20 },
    });
    emulator.proxy.set({ operation: "GetObject", fault: { kind: "delay", ms: 600 } });
    const before = alerts();
    for (let kills = 0; kills < 2; kills += 1) {
      const begun = committed();
      const killed = backfill();
      await expect.poll(committed, { timeout: 60_000, interval: 5 }).toBeGreaterThan(begun);
      killed.child.kill("SIGKILL");
      expect((await killed.ended).code).toBe(137);
      expect(alerts()).toEqual(before);
    }
    emulator.proxy.set();
    const begun = fetched();
    const { code, stdout, stderr } = await backfill().ended;
    expect(code, stderr).toBe(0);
    expect(Number(/^(\d+) records/.exec(stdout)?.[1])).toBeGreaterThan(0);
    expect(toContents(alerts())).toEqual(toContents(expected));
    const total = Number(/(\d+) objects/.exec((await backfill("--dry-run").ended).stdout)?.[1]);
    expect(fetched() - begun).toBeLessThan(total);
    expect(existsSync(join(place.state, "backfill"))).toBe(true);
  },
);

test(
  "a dry run says what it would read and reads nothing; beyond its limits nothing is read",
  { timeout: TIMEOUT_MS },
  async () => {
    const { backfill, alerts, fetched, emulator } = await missAnHour();
    const before = alerts();
    const dry = await backfill("--dry-run").ended;
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stdout).toMatch(
      /^in: 2026-01-02T04:00:00Z to 2026-01-02T07:00:00Z, (\d+) objects of S3, .* B, \d+ requests\n$/,
    );
    const [, objects = "0"] = /(\d+) objects/.exec(dry.stdout) ?? [];
    const one = await backfill("--max-objects", String(Number(objects) - 1)).ended;
    expect(one.code).toBe(1);
    expect(one.stderr).toContain(`more than ${Number(objects) - 1} objects`);
    expect((await backfill("--max-size", "1KiB").ended).stderr).toContain("more than 1 KiB");
    const asked = emulator.proxy.log.length;
    expect((await backfill("--max-requests", "1").ended).code).toBe(1);
    expect(emulator.proxy.log.length - asked).toBe(1);
    expect(fetched()).toBe(0);
    expect(alerts()).toEqual(before);
  },
);

test("says what is wrong with what was asked for", { timeout: TIMEOUT_MS }, async () => {
  const { backfill } = await missAnHour();
  const nobody = await backfill("--source", "nobody").ended;
  expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining('no source "nobody"; with a past: in')]);
  const back = await backfill("--to", "2026-01-02T04:00:00Z").ended;
  expect([back.code, back.stderr]).toEqual([2, expect.stringContaining("is not before --to")]);
});
