/** What a test of the Kafka source tells when alerts are missing: where their records stand, and how far was read and committed. */
import { DatabaseSync } from "node:sqlite";
import { unpackText } from "../../../src/store/codec.ts";
import { openViews } from "../../../src/store/views.ts";
import type { Alert } from "../../../src/model/alert.ts";
import type { Place } from "../../e2e/make.ts";
import { readTopic, withAdmin } from "../../support/kafka/topics.ts";

export type Missed = {
  readonly place: Place;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly expected: readonly Alert[];
  /** Of the daemons, in their order. */
  readonly logs: readonly string[];
};

const LOG_CHARACTERS = 10_000;
const IDS = /"eventID":"([^"]+)"/g;

/**
 * One text for a person who looks for the cause. A record is `unsent` (not in the topic), `waiting` (at or behind the committed
 * offset), or `passed` (before it): then it was lost, unless its alert is in the store and only the delivery is missing.
 */
export async function tellMissed(by: Missed, missing: ReadonlySet<string>): Promise<string> {
  const { brokers, topic, place, expected, logs } = by;
  const sqlite = new DatabaseSync(`${place.state}/store.db`, { readOnly: true });
  const rows = sqlite.prepare("SELECT key, value FROM positions").all() as Row[];
  sqlite.close();
  const positions = rows.map(({ key, value }) => ({ key: unpackText(key), value: unpackText(value) }));
  const views = openViews(place.state);
  const stored = new Set(views.alerts({ limit: 10_000 }).map(({ id }) => id));
  const counts = views.counts();
  views.close();
  const bounds = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic));
  const where = await findRecords(brokers, topic);
  const nextOf = (partition: number): number =>
    Number(positions.find(({ key }) => key === `${topic}/${partition}`)?.value.split("|")[0] ?? 0);
  const lines = expected
    .filter(({ id }) => missing.has(id))
    .map(({ id, title, group, eventIds }) => {
      const records = eventIds.map((event) => {
        const found = where.get(event);
        if (found === undefined) return `${event} unsent`;
        const is = found.offset < nextOf(found.partition) ? "passed" : "waiting";
        return `${event} ${is} ${found.partition}/${found.offset}`;
      });
      return `${stored.has(id) ? "in the store" : "not in the store"}: ${title} ${JSON.stringify(group)}: ${records.join(", ")}`;
    });
  return [
    `${missing.size} of ${expected.length} alerts are missing at the sink.`,
    ...lines,
    `committed: ${JSON.stringify(positions)}`,
    `bounds: ${JSON.stringify(bounds)}`,
    `counts: ${JSON.stringify(counts)}`,
    ...logs.map((log, at) => `daemon ${at}: ${withoutAlerts(log).slice(-LOG_CHARACTERS)}`),
  ].join("\n");
}

/** A log tells of hundreds of alerts, and of little else. */
function withoutAlerts(log: string): string {
  return log
    .split("\n")
    .filter((line) => !/"(alert_written|rule_warming)"/.test(line))
    .join("\n");
}

type Row = { readonly key: string; readonly value: string };
type Found = { readonly partition: number; readonly offset: number };

/** Where the record of each event id stands: the first of its places. */
async function findRecords(brokers: readonly string[], topic: string): Promise<ReadonlyMap<string, Found>> {
  const where = new Map<string, Found>();
  for (const { partition, offset, value } of await readTopic(brokers, topic))
    for (const [, id = ""] of value.matchAll(IDS)) if (!where.has(id)) where.set(id, { partition, offset });
  return where;
}
