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
import { endpointBurst } from "../encode/alerts.ts";
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
