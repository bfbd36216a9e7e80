/**
 * Makers of units for the store's tests, and the dump by which two stores are compared.
 *
 * `makeUnit(i)` is a function of i alone and touches every table, so that the state after k commits can be made again in
 * any other store: that is the model of the durability tests.
 */
import type { AlertRecord, CommitUnit, EvidenceDelta, Member, RoutedAlert, Store } from "../../src/contracts.ts";
import { type Clock, systemClock, toUtcText } from "../../src/lib/clock.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { createRandom } from "../../src/lib/random.ts";
import type { AlertContent } from "../../src/model/alert.ts";
import type { Pointer } from "../../src/model/event.ts";

/** 2026-03-10T00:00:00Z. */
export const START = 1_773_100_800_000;
export const clockAt: Clock = { ...systemClock, nowMs: () => START };
export const pointer: Pointer = { source: "trail", path: "/spool/a.json.gz", index: 0 };

/** A unit that commits nothing but what is given. */
export function unit(over: Partial<CommitUnit> = {}): CommitUnit {
  const none = { members: [], evidence: [], drops: [], prunes: [], evictions: [], alerts: [], late: [] };
  return { ...none, nowMs: START, rejected: [], counts: [], positions: [], watermarks: [], finished: [], ...over };
}

export function content(id: string, over: Partial<AlertContent> = {}): AlertContent {
  return {
    id,
    ruleId: "bulk-endpoints",
    ruleName: "Bulk endpoint creation",
    title: "Bulk endpoint creation by alice in research",
    severity: "high",
    accountId: "111122223333",
    accountName: "research",
    region: "eu-west-1",
    principal: "arn:aws:iam::111122223333:user/alice",
    firstEventTime: toUtcText(START),
    lastEventTime: toUtcText(START + 60_000),
    eventIds: ["e1"],
    eventCount: 1,
    attack: ["T1496"],
    atlas: ["AML.T0034"],
    why: "7 CreateEndpoint in 12 min, limit 5 in 1 h",
    group: {},
    evidence: [],
    ...over,
  };
}

/** A window's draft. */
export function draft(id: string, over: Partial<RoutedAlert> & { why?: string } = {}): RoutedAlert {
  const { why, ...rest } = over;
  const said = content(id, why === undefined ? {} : { why });
  return { content: said, order: null, final: false, records: [], sinks: ["kafka"], ...rest };
}

/** A draft of a single event. */
export function eventDraft(id: string, order: NonNullable<RoutedAlert["order"]>, why: string): RoutedAlert {
  return draft(id, { order, why });
}

export function record(key: string, bytes: Uint8Array | null, from: AlertRecord["from"] = null): AlertRecord {
  return { key, recordHash: sha256Hex(key), timeMs: START, pointer, record: bytes, from };
}

export function member(key: string, over: Partial<Member> = {}): Member {
  return {
    step: 0,
    timeMs: START,
    kind: "cloudtrail",
    key,
    eventId: key,
    version: 0,
    recordHash: sha256Hex(key),
    accountId: "111122223333",
    region: "eu-west-1",
    principal: "arn:aws:iam::111122223333:user/alice",
    action: "sagemaker:CreateEndpoint",
    value: null,
    number: null,
    ...over,
  };
}

export function evidence(key: string, bytes: Uint8Array | null, over: Partial<EvidenceDelta> = {}): EvidenceDelta {
  const said = { action: "sagemaker:CreateEndpoint", ip: "192.0.2.7", agent: "aws-cli", error: "", target: "e" };
  const place = { stateKey: "sk", group: '["alice"]', slice: 3 };
  return { ...place, key, recordHash: sha256Hex(key), timeMs: START, evidence: said, pointer, record: bytes, ...over };
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** The unit of commit `i`, from 0. Its position is i: a store tells by it how many of these it holds. */
export function makeUnit(i: number): CommitUnit {
  const random = createRandom(`store ${i}`);
  const place = {
    stateKey: `state-${i % 3}`,
    group: JSON.stringify([`user-${random.int(0, 4)}`]),
    slice: Math.floor(i / 4),
  };
  const keys = Array.from({ length: random.int(1, 12) }, (_, n) => `event-${i}-${n}`);
  const found = keys.map((key) => evidence(key, bytesOf(`{"eventID":"${key}","noise":"${random.hex(400)}"}`), place));
  const window = draft(sha256Hex(`window ${Math.floor(i / 5)}`), {
    why: `${i} calls`,
    final: i % 5 === 4,
    records: found.map((e) => record(e.key, null, place)),
    sinks: ["kafka", "file"],
  });
  const order = { version: 0, timeMs: START + i, recordHash: random.hex(64) };
  const single = {
    ...eventDraft(sha256Hex(`single ${i % 7}`), order, `call ${i}`),
    records: [record(`s${i}`, bytesOf(random.hex(99)))],
  };
  const quarantined = i % 6 === 5 ? 1 : 0;
  const bad = {
    reason: "bad_json",
    detail: "byte 7",
    bytes: bytesOf(`not json ${i}`),
    sizeBytes: 10,
    kind: "",
  } as const;
  return unit({
    nowMs: START + i * 250,
    members: [{ ...place, members: keys.map((key) => member(key, { number: random.float(), value: random.hex(3) })) }],
    evidence: found,
    drops: found.slice(9).map((e) => ({ ...place, key: e.key, recordHash: e.recordHash })),
    prunes: i % 8 === 7 ? [{ stateKey: "state-1", slice: Math.floor(i / 4) - 2 }] : [],
    alerts: [window, single],
    rejected: quarantined === 1 ? [{ ...bad, pointer: { ...pointer, index: i } }] : [],
    counts: [
      { source: "trail", read: 20, evaluated: 20 - quarantined, quarantined, skipped: {}, late: 0, repeated: 0 },
    ],
    positions: [{ source: "trail", key: "next", value: String(i) }],
    watermarks: [{ source: "trail", logsource: "aws/cloudtrail", watermarkMs: START + i }],
  });
}

/** How many of makeUnit's units a store holds. */
export function countUnits(store: Store): number {
  return Number(store.load().positions.get("trail")?.get("next") ?? -1) + 1;
}

/** Everything a store holds, by its contract alone, as text. */
export function dump(store: Store): string {
  const { state, watermarks, positions } = store.load();
  const alerts = store.views.alerts({});
  const records = alerts.map((alert) => store.views.alert(alert.id)?.records.map(toReadable));
  const outbox = ["kafka", "file"].map((sink) =>
    store
      .outbox(sink)
      .due(Infinity, 10_000)
      .map((item) => [item.alert.id, item.opened]),
  );
  const quarantine = store.views.quarantine({}).map((row) => toReadable(store.views.quarantined(row.id)!));
  const windows = { members: [...state.members], evidence: [...state.evidence] };
  const whole = { windows, watermarks, positions: toEntries(positions), alerts, records, outbox, quarantine };
  return JSON.stringify({ ...whole, counts: store.views.counts(), reasons: store.views.quarantineCounts() }, null, 1);
}

function toReadable(row: { readonly record?: Uint8Array | null }): unknown {
  return { ...row, record: row.record ? Buffer.from(row.record).toString("utf8") : null };
}

function toEntries(positions: ReadonlyMap<string, ReadonlyMap<string, string>>): unknown {
  return [...positions].map(([source, keys]) => [source, Object.fromEntries(keys)]);
}
