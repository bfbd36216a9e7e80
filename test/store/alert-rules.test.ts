/**
 * Alert merging and the outbox against a plain model, over random runs of commits, deliveries and refusals (C5, C6).
 *
 * The model is written from the contract alone: a map of alerts and a map of what each sink holds.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OutboxItem, RoutedAlert } from "../../src/contracts.ts";
import { draft, eventDraft, START, unit } from "./make.ts";
import { open } from "./temp.ts";

const EVERY = 60_000;
type Order = NonNullable<RoutedAlert["order"]>;
type Step =
  | { readonly do: "commit"; readonly drafts: readonly RoutedAlert[]; readonly waitMs: number }
  | { readonly do: "send"; readonly max: number; readonly refuse: boolean; readonly waitMs: number };

const why = fc.constantFrom("a", "b", "c");
const windowDraft = fc
  .record({ id: fc.constantFrom("w1", "w2"), why, final: fc.boolean() })
  .map(({ id, ...over }) => draft(id, over));
const order = fc.record({ version: fc.nat(1), timeMs: fc.nat(1), recordHash: fc.constantFrom("aa", "bb") });
const singleDraft = fc
  .record({ id: fc.constantFrom("s1", "s2"), order, why })
  .map(({ id, order: by, why: said }) => eventDraft(id, by, said + by.version));
const waitMs = fc.constantFrom(0, 250, 20_000, 61_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("commit" as const),
    drafts: fc.array(fc.oneof(windowDraft, singleDraft), { maxLength: 4 }),
    waitMs,
  }),
  fc.record({ do: fc.constant("send" as const), max: fc.nat(3), refuse: fc.boolean(), waitMs }),
);

type Told = { why: string; revision: number; order: Order | null; final: boolean; seenMs: number };
type Row = { wanted: number; sent: number; opened: boolean; dueMs: number; sentMs: number };

function isAhead(next: Order | null, kept: Order | null): boolean {
  if (next === null || kept === null) return true;
  const [a, b] = [next, kept].map((o) => [-o.version, o.timeMs, o.recordHash.charCodeAt(0)]);
  const at = a!.findIndex((part, i) => part !== b![i]);
  return at >= 0 && a![at]! < b![at]!;
}

function createPlainModel() {
  const alerts = new Map<string, Told>();
  const rows = new Map<string, Row>();
  const want = (id: string, told: Told, nowMs: number): void => {
    const row = rows.get(id);
    if (row === undefined) return void rows.set(id, { wanted: 1, sent: 0, opened: false, dueMs: nowMs, sentMs: 0 });
    const isPending = row.wanted > row.sent;
    row.wanted = told.revision;
    if (!isPending) row.dueMs = told.final ? nowMs : Math.max(row.sentMs + EVERY, nowMs);
    else if (told.final) row.dueMs = Math.min(row.dueMs, nowMs);
  };
  const hasten = (id: string, nowMs: number): void => {
    const row = rows.get(id);
    if (row !== undefined && row.wanted > row.sent) row.dueMs = Math.min(row.dueMs, nowMs);
  };
  const commitOne = (next: RoutedAlert, nowMs: number): string[] => {
    const { id, why: said } = next.content;
    const told = alerts.get(id);
    if (told !== undefined && !isAhead(next.order, told.order)) {
      if (next.final && said === told.why) hasten(id, nowMs);
      return [];
    }
    if (told?.why === said) {
      Object.assign(told, { order: next.order, final: told.final || next.final });
      if (next.final) hasten(id, nowMs);
      return [];
    }
    const revised = {
      why: said,
      revision: (told?.revision ?? 0) + 1,
      order: next.order,
      final: next.final,
      seenMs: told?.seenMs ?? nowMs,
    };
    alerts.set(id, revised);
    want(id, revised, nowMs);
    return [`${id} ${revised.revision}`];
  };
  return {
    commit: (drafts: readonly RoutedAlert[], nowMs: number): string[] => {
      const last = new Map<string, RoutedAlert>();
      for (const next of drafts) {
        const kept = last.get(next.content.id);
        if (kept === undefined || isAhead(next.order, kept.order)) last.set(next.content.id, next);
      }
      return [...last.values()].flatMap((next) => commitOne(next, nowMs));
    },
    close: (id: string, nowMs: number, accepted: boolean): void => {
      const row = rows.get(id)!;
      Object.assign(row, { sent: row.wanted, opened: row.opened || accepted, sentMs: nowMs });
    },
    due: (nowMs: number): string[] =>
      [...rows]
        .filter(([, row]) => row.wanted > row.sent && row.dueMs <= nowMs)
        .map(([id, row]) => `${id} ${row.wanted} ${String(!row.opened)}`),
    told: (): string[] =>
      [...alerts].map(([id, { why: said, revision, seenMs }]) => `${id} ${revision} ${said} ${seenMs}`),
  };
}

const toText = ({ alert, opened }: OutboxItem): string => `${alert.id} ${alert.revision} ${String(opened)}`;

test("revisions, seenTime and what is due are those of the plain model, for any run", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const store = open(null);
      const [kafka, model] = [store.outbox("kafka"), createPlainModel()];
      const commitBoth = ({ drafts }: Extract<Step, { do: "commit" }>, at: number) => {
        const { written } = store.commit(unit({ nowMs: at, alerts: drafts }));
        return { said: written.map((w) => `${w.alertId} ${w.revision}`), wanted: model.commit(drafts, at) };
      };
      const sendBoth = ({ max, refuse }: Extract<Step, { do: "send" }>, at: number) => {
        const items = kafka.due(at, max);
        const wanted = Math.min(max, model.due(at).length);
        if (refuse)
          kafka.refused(
            items.map((item) => ({ item, code: "bad" })),
            at,
          );
        else kafka.sent(items, at);
        for (const { alert } of items) model.close(alert.id, at, !refuse);
        return { said: items.length, wanted };
      };
      let nowMs = START;
      for (const next of steps) {
        nowMs += next.waitMs;
        const { said, wanted } = next.do === "commit" ? commitBoth(next, nowMs) : sendBoth(next, nowMs);
        expect(said).toEqual(wanted);
        expect(kafka.due(nowMs, 99).map(toText).toSorted()).toEqual(model.due(nowMs).toSorted());
        const told = store.views.alerts({}).map((a) => `${a.id} ${a.revision} ${a.why} ${Date.parse(a.seenTime)}`);
        expect(told.toSorted()).toEqual(model.told().toSorted());
      }
      expect(kafka.due(Infinity, 99).map(toText).toSorted()).toEqual(model.due(Infinity).toSorted());
      store.close();
    }),
    { numRuns: 150 },
  );
});

test("a sink never gets a lower revision after a higher one, and at last the highest, however delivery lags", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(2)), { maxLength: 30 }), (moves) => {
      const store = open(null);
      const kafka = store.outbox("kafka");
      const onTheirWay: (readonly OutboxItem[])[] = [];
      let said = 0;
      for (const [isCommit, at] of moves) {
        if (isCommit) store.commit(unit({ alerts: [draft("id-1", { why: String((said += 1)) })] }));
        else if (at > 0) onTheirWay.push(kafka.due(Infinity, 9));
        else kafka.sent(onTheirWay.shift() ?? [], START);
        const revisions = kafka.due(Infinity, 9).map((item) => item.alert.revision);
        expect(revisions.length === 0 || revisions[0] === said).toBe(true);
      }
      kafka.sent(kafka.due(Infinity, 9), START);
      for (const items of onTheirWay) kafka.sent(items, START);
      expect(kafka.pending().rows).toBe(0);
      store.close();
    }),
    { numRuns: 60 },
  );
});
