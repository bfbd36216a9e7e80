/** A source of a running state folder that gets another name: what was closed under the old one stays closed. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { openViews } from "../../src/store/views.ts";
import { createPlace, type Place, run, TIMEOUT_MS, until, write } from "./make.ts";

const MINUTE = 60_000;
const SPAN = 7 * MINUTE;
/** A bucket of the rule that ended hours ago, not where a slice of 5 min does: a part of it is kept for longer. */
const BUCKET = [0, 1, 2, 3, 4]
  .map((back) => (Math.floor(Date.now() / SPAN) - 30 - back) * SPAN)
  .find((startMs) => (startMs + SPAN) % (5 * MINUTE) === 2 * MINUTE) as number;

const RULES = `title: Calls
name: calls
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9a01
status: experimental
logsource: {product: aws, service: cloudtrail}
detection:
  call: {eventName: ListModels}
  condition: call
---
title: Hardly any calls
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9a02
status: experimental
level: low
correlation:
  type: event_count
  rules: [calls]
  group-by: [sourceIPAddress]
  timespan: 7m
  condition: {lt: 3}
`;

function records(ip: string, timesMs: readonly number[]): string {
  const Records = timesMs.map((timeMs) => ({
    eventVersion: "1.11",
    eventID: `${ip}-${timeMs}`,
    eventTime: `${new Date(timeMs).toISOString().slice(0, 19)}Z`,
    eventSource: "sagemaker.amazonaws.com",
    eventName: "ListModels",
    awsRegion: "eu-west-1",
    sourceIPAddress: ip,
    recipientAccountId: "111122223333",
    userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
  }));
  return JSON.stringify({ Records });
}

/** Runs until `count` records are evaluated and what they close is committed. */
async function watch(place: Place, source: { name: string; folder: string; count: number }): Promise<void> {
  const config = parseConfig(
    JSON.stringify({
      state: { dir: place.state },
      sources: [{ type: "file", name: source.name, paths: [source.folder], lateness: "30m" }],
      sinks: [{ type: "file", path: place.sink }],
      rules: { paths: [join(place.root, "calls.yml")] },
    }),
    { adapters: ADAPTERS, path: null },
  ).config;
  const stop = new AbortController();
  let evaluated = 0;
  const ended = run(config, {
    signal: stop.signal,
    emit: (signal) => void (signal.type === "batch" && (evaluated += signal.evaluated)),
  });
  await until(() => evaluated >= source.count, `${source.count} records of ${source.name}`);
  stop.abort();
  await ended;
}

function alertsOf(place: Place): string[] {
  const views = openViews(place.state);
  const found = views.alerts({ limit: 100 }).map(({ why, revision }) => `${revision} ${why}`);
  views.close();
  return found;
}

test("a renamed live source opens no bucket again that was judged before", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  write(join(place.root, "calls.yml"), RULES);
  const seven = [0, 1, 2, 3, 4, 5, 6].map((minute) => BUCKET + minute * MINUTE);
  // The watermark stands a minute behind the end of the bucket then.
  const [one, two, later] = ["192.0.2.1", "192.0.2.2", BUCKET + SPAN + 31 * MINUTE];
  write(join(place.input, "one/a.json"), records(one, seven));
  write(join(place.input, "one/b.json"), records(two, [later]));
  await watch(place, { name: "old", folder: join(place.input, "one"), count: 8 });
  expect(alertsOf(place)).toEqual([]);

  write(join(place.input, "two/c.json"), records(two, [later + 60 * MINUTE]));
  await watch(place, { name: "new", folder: join(place.input, "two"), count: 1 });
  // The one call an hour after the seven, whose bucket is over now.
  expect(alertsOf(place)).toEqual([expect.stringMatching(/^1 1 /)]);
});
