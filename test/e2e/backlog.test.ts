/**
 * A daemon that is started for the first time on a folder in which a whole day waits, in files whose names say nothing of
 * time: nothing makes itself late, and the alerts are those of sorted input.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRandom } from "../../src/lib/random.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { openViews } from "../../src/store/views.ts";
import { toRecordsText } from "../chaos/input.ts";
import { judge, readRuleSet } from "../chaos/judge.ts";
import { createPlace, run, TIMEOUT_MS, toConfig, until, write } from "./make.ts";

test(
  "a first start on a day of files without time slots, in mixed order: nothing is late",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const random = createRandom("backlog");
    const day = [...generateRecords({ seed: 9, records: 700, attacks: ["llmjacking"] })];
    for (const inside of Map.groupBy(day, ({ file }) => file).values())
      write(join(place.input, `${random.hex(12)}.json`), toRecordsText(inside));
    const stop = new AbortController();
    const running = run(toConfig(place, { mode: "watch" }), { signal: stop.signal });
    await until(() => existsSync(join(place.state, "store.db")), "there is a state");
    const views = openViews(place.state);
    await until(() => views.counts()[0]?.read === day.length, "the day was read");
    stop.abort();
    await running;
    const [counts] = views.counts();
    const ids = views.alerts({}).map(({ id }) => id);
    views.close();
    expect(counts).toMatchObject({ evaluated: day.length, late: 0 });
    const expected = judge(
      readRuleSet([join(place.root, "rules")]),
      day.map(({ bytes }) => bytes),
    );
    expect(ids.toSorted()).toEqual([...expected.keys()].toSorted());
  },
);
