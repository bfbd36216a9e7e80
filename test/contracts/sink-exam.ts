/**
 * The exam that every sink passes, over a real receiver that the sink's own test brings.
 *
 * It holds a sink to its contract: an answer for each alert in order, `refused` for what can never be sent, `unknown`
 * for what may have been sent, and then the very same array again without harm. The receiver tells which alerts it has
 * whole, in the order of their arrival.
 */
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { OutboxItem, SendResult, Sink } from "../../src/contracts.ts";
import type { Alert } from "../../src/model/alert.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { openStore } from "../../src/store/store.ts";
import { endpointBurst } from "../encode/alerts.ts";
import { draft, unit } from "../store/make.ts";
import { item } from "./alert-items.ts";

/** A sink and its receiver, made anew for each test. */
export type Examined = {
  readonly sink: Sink;
  /** The whole alerts that the receiver has, oldest first. Throws when it finds anything but whole alerts. */
  received(): Promise<readonly { readonly id: string; readonly revision: number }[]>;
  /** From now on the receiver takes nothing, until `mend`. */
  fail(): Promise<void>;
  mend(): Promise<void>;
  /** Half an alert reaches the receiver, as when the process is killed; a new sink to the same receiver. Left out: the receiver itself takes whole messages only. */
  killMidWrite?(): Promise<Sink>;
  /** A new sink to the same receiver, as a restarted process opens it. */
  reopen(): Sink;
  /** From now on every answer takes so many ms. Left out: the receiver cannot be slow. */
  slow?(ms: number): void;
  /** Frees what the test used. */
  readonly dispose: () => Promise<void>;
};

const accepted: SendResult = { status: "accepted" };
const signal = new AbortController().signal;
const heads = (items: readonly OutboxItem[]): { id: string; revision: number }[] =>
  items.map(({ alert: { id, revision } }) => ({ id, revision }));

/** Runs the exam for one kind of sink. */
export function examineSink(name: string, open: () => Promise<Examined>): void {
  describe(`${name}: the sink exam`, () => {
    let exam: Examined;
    beforeEach(async () => {
      exam = await open();
      const { dispose } = exam;
      onTestFinished(dispose);
    });

    test("accepts alerts, one answer each, and they arrive in order", async () => {
      const [first, second] = [
        [item(3), item(1), item(2)],
        [item(5), item(4)],
      ];
      expect(await exam.sink.send(first, signal)).toEqual([accepted, accepted, accepted]);
      expect(await exam.sink.send(second, signal)).toEqual([accepted, accepted]);
      expect(await exam.received()).toEqual(heads([...first, ...second]));
    });

    test("answers an empty array with an empty array", async () => {
      expect(await exam.sink.send([], signal)).toEqual([]);
    });

    test("refuses what can never be sent, and sends its neighbours", async () => {
      const broken = { ...item(2), alert: { ...endpointBurst, eventCount: 1n } as unknown as Alert };
      const answers = await exam.sink.send([item(1), broken, item(3)], signal);
      expect(answers).toEqual([accepted, { status: "refused", code: expect.stringMatching(/^[a-z_]+$/) }, accepted]);
      expect(await exam.received()).toEqual(heads([item(1), item(3)]));
    });

    test("answers unknown while the receiver is down, and takes that very array once it is back", async () => {
      await exam.sink.send([item(1)], signal);
      const array = [item(2), item(3)];
      await exam.fail();
      for (let round = 0; round < 2; round += 1) {
        for (const answer of await exam.sink.send(array, signal)) {
          expect(answer).toEqual({ status: "unknown", code: expect.stringMatching(/^[a-z_]+$/) });
        }
      }
      await exam.mend();
      expect(await exam.sink.send(array, signal)).toEqual([accepted, accepted]);
      expect((await exam.received()).slice(-2)).toEqual(heads(array));
    });

    test("a kill in the middle of a write leaves whole alerts, and the array sent again completes them", async ({
      skip,
    }) => {
      if (exam.killMidWrite === undefined) return skip("the receiver takes whole messages only");
      await exam.sink.send([item(1)], signal);
      const sink = await exam.killMidWrite();
      expect(await sink.send([item(2), item(3)], signal)).toEqual([accepted, accepted]);
      await sink.close();
      expect(await exam.received()).toEqual(heads([item(1), item(2), item(3)]));
    });

    test("a slow receiver is waited for, and nothing goes twice", async ({ skip }) => {
      if (exam.slow === undefined) return skip("the receiver cannot be slow");
      await exam.sink.send([item(1)], signal);
      exam.slow(300);
      const begunMs = performance.now();
      expect(await exam.sink.send([item(2), item(3)], signal)).toEqual([accepted, accepted]);
      expect(performance.now() - begunMs).toBeGreaterThanOrEqual(290);
      exam.slow(0);
      expect(await exam.received()).toEqual(heads([item(1), item(2), item(3)]));
    });

    test("after a kill the next life sends what was not known to be sent, and nothing is missing", async () => {
      const [known, unknown] = [
        [item(1), item(2)],
        [item(3), item(1, 2)],
      ];
      await exam.sink.send(known, signal);
      await exam.sink.send(unknown, signal);
      const sink = exam.reopen();
      expect(await sink.send(unknown, signal)).toEqual([accepted, accepted]);
      await sink.close();
      const received = await exam.received();
      expect(received.slice(0, 4)).toEqual(heads([...known, ...unknown]));
      for (const again of received.slice(4)) expect(heads(unknown)).toContainEqual(again);
    });

    test("a flapping receiver gets every alert through a worker, once and in the order of its lane", async () => {
      const { sink } = exam;
      const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 100 });
      const worker = startDeliver({
        sink,
        outbox: store.outbox("exam"),
        clock: systemClock,
        emit: () => undefined,
        cap: { delivery: "required", bytes: Infinity },
      });
      const ids = Array.from({ length: 60 }, (_, n) => sha256Hex(`flapping ${n}`));
      const write = (some: readonly string[], why: string): void => {
        const drafts = some.map((id) => draft(id, { why, final: why === "last", sinks: ["exam"] }));
        store.commit(unit({ nowMs: systemClock.nowMs(), alerts: drafts }));
        worker.wake();
      };
      for (const [round, from] of [0, 20, 40].entries()) {
        write(ids.slice(from, from + 20), "first");
        if (round > 0) await exam.fail();
        await systemClock.sleep(150);
        write(ids.slice(from, from + 20), "last");
        if (round > 0) await exam.mend();
      }
      await worker.drained(AbortSignal.timeout(30_000));
      const received = await exam.received();
      for (const id of ids) {
        const revisions = received.filter((one) => one.id === id).map(({ revision }) => revision);
        expect(revisions.at(-1)).toBe(2);
        expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
      }
      // Alerts that were committed together go in their order, lane by lane.
      const lanes = Map.groupBy(ids.slice(0, 20), (id) => sink.limits.lane({ id } as Alert));
      for (const lane of lanes.values()) {
        const firsts = received.filter(({ id, revision }) => revision === 1 && lane.includes(id)).map(({ id }) => id);
        for (const part of Map.groupBy(lane, (id) => sink.limits.part({ id } as Alert)).values())
          expect(firsts.filter((id) => part.includes(id))).toEqual(part.filter((id) => firsts.includes(id)));
      }
      await worker.close();
      store.close();
    });

    test("an alert is opened before it is updated", async () => {
      await exam.sink.send([item(1), item(1, 2)], signal);
      await exam.sink.send([item(1, 3)], signal);
      expect(await exam.received()).toEqual(heads([item(1), item(1, 2), item(1, 3)]));
    });

    test("an aborted send sends nothing and accepts nothing", async () => {
      expect(await exam.sink.send([item(1)], AbortSignal.abort())).toEqual([{ status: "unknown", code: "aborted" }]);
      expect(await exam.received()).toEqual([]);
    });

    test("its limits are plain numbers, and lane and part depend on the alert alone", () => {
      const { limits } = exam.sink;
      expect(limits.maxItems).toBeGreaterThan(0);
      expect(limits.maxBytes).toBeGreaterThan(0);
      const { alert } = item(7);
      expect(limits.lane(alert)).toBe(limits.lane(structuredClone(alert)));
      expect(limits.part(alert)).toBe(limits.part(structuredClone(alert)));
    });

    test("closes, also when it never sent anything, also twice", async () => {
      await exam.sink.close();
      await exam.sink.close();
    });
  });
}
