/**
 * What strangers write, in every text of an alert that they can choose, and everything that a sink over HTTP ever tells.
 */
import { inspect } from "node:util";
import type { OutboxItem, Sink } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import type { Signal } from "../../src/model/signal.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { openStore } from "../../src/store/store.ts";
import { ESCAPES, FORGED, NAMES, TEMPLATES } from "../commands/payloads.ts";
import type { Receiver } from "../fakes/http/receiver.ts";
import { draft, unit } from "../store/make.ts";
import { item } from "./alert-items.ts";

/** Template strings, terminal sequences and hidden characters, forged lines, inherited names. */
export const HOSTILE: readonly string[] = [...TEMPLATES, ...ESCAPES, ...FORGED, ...NAMES];

/** Alert `number` in which a stranger wrote `payload` wherever he could. */
export function hostileItem(number: number, payload: string): OutboxItem {
  const { alert, opened } = item(number);
  const evidence = alert.evidence.map((row) => ({ ...row, userAgent: payload, target: payload, errorCode: payload }));
  return {
    alert: {
      ...alert,
      title: payload,
      why: payload,
      principal: payload,
      group: { [`g ${payload}`]: payload },
      evidence,
    },
    opened,
  };
}

/** One for each payload. */
export const hostileItems = (): OutboxItem[] => HOSTILE.map((payload, number) => hostileItem(number, payload));

/** Statuses and bodies that make a sink speak of what went wrong. */
const REPLIES = [302, 400, 401, 402, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503];

/** All that a sink, its answers, its errors and its worker's signals tell while its receiver answers badly. */
export async function everythingTold(open: () => Sink, plan: Receiver["plan"], echo: string): Promise<string> {
  const told: unknown[] = [];
  const { signal } = new AbortController();
  for (const status of REPLIES) {
    plan.reply = { status, body: JSON.stringify({ text: echo, error: echo, errors: [echo], message: echo }) };
    const sink = open();
    told.push(sink, await sink.send([item(status)], signal).catch((error: unknown) => error));
    await sink.close();
  }
  plan.reply = { status: 401, body: echo };
  const signals: Signal[] = [];
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 100 });
  const cap = { delivery: "required", bytes: Infinity } as const;
  const outbox = store.outbox("told");
  const worker = startDeliver({ sink: open(), outbox, clock: systemClock, emit: (one) => signals.push(one), cap });
  const alerts = [draft(sha256Hex("told"), { why: "w", final: true, sinks: ["told"] })];
  store.commit(unit({ nowMs: systemClock.nowMs(), alerts }));
  worker.wake();
  for (let round = 0; round < 200 && !signals.some(({ type }) => type === "sink_down"); round += 1)
    await systemClock.sleep(10);
  told.push(worker.health());
  await worker.close();
  store.close();
  plan.reply = null;
  return `${inspect(told, { depth: 9, showHidden: true })} ${JSON.stringify(told)} ${JSON.stringify(signals)}`;
}
