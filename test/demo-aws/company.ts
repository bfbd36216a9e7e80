/**
 * The simulated company delivers: its trail's files to a bucket, each with a notice on a queue, and API calls by
 * EventBridge to another queue, as AWS does.
 */
import { gzipSync } from "node:zlib";
import type { Simulation } from "../../src/simulate/simulation.ts";
import { type Emulator, type Queue } from "../fakes/emulator.ts";
import { toNotice } from "../fakes/s3-notices.ts";

export const BUCKET = "company-trail";
/** Objects put side by side. */
const PUTS = 8;
/** Of the calls that are no attack, one in so many goes by EventBridge too: a rule there seldom forwards all. */
const PUSHED_SHARE = 10;

export type Queues = { readonly trail: Queue; readonly push: Queue };
export type Delivered = { readonly objects: number; readonly records: number; readonly pushed: number };

/** Delivers everything, in the order of time. `onProgress`: share done, 0 to 1. */
export async function deliver(
  simulation: Simulation,
  to: { readonly emulator: Emulator; readonly queues: Queues; readonly signal: AbortSignal },
  onProgress: (share: number) => void,
): Promise<Delivered> {
  const { emulator, queues, signal } = to;
  const planted = new Set(simulation.planted.flatMap(({ records }) => records.map(({ eventId }) => eventId)));
  const counts = { objects: 0, records: 0, pushed: 0 };
  const deliverFile = async (file: ReturnType<Simulation["files"]> extends Iterable<infer F> ? F : never) => {
    const texts = file.records.map(({ text }) => text);
    const bytes = gzipSync(`{"Records":[${texts.join(",")}]}`, { level: 1 });
    const pushed = file.records.filter(
      ({ eventId }, at) => planted.has(eventId) || (counts.records + at) % PUSHED_SHARE === 0,
    );
    counts.objects += 1;
    counts.records += texts.length;
    counts.pushed += pushed.length;
    const etag = await emulator.put(BUCKET, file.path, bytes);
    await emulator.send(queues.trail, [toNotice({ bucket: BUCKET, key: file.path, size: bytes.length, etag })]);
    if (pushed.length > 0)
      await emulator.send(
        queues.push,
        pushed.map(({ text }) => toEnvelope(text, file)),
      );
    onProgress(counts.records / simulation.total);
  };
  const flying = new Set<Promise<void>>();
  for (const file of simulation.files()) {
    if (signal.aborted) break;
    const one: Promise<void> = deliverFile(file).finally(() => flying.delete(one));
    flying.add(one);
    if (flying.size >= PUTS) await Promise.race(flying);
  }
  await Promise.all(flying);
  return counts;
}

/** The envelope in which EventBridge hands an API call on. */
function toEnvelope(text: string, { accountId, region }: { accountId: string; region: string }): string {
  const { eventID, eventTime, eventSource = "" } = JSON.parse(text) as Record<string, string>;
  const head = {
    version: "0",
    id: eventID,
    "detail-type": "AWS API Call via CloudTrail",
    source: `aws.${eventSource.split(".")[0] ?? ""}`,
    account: accountId,
    time: eventTime,
    region,
    resources: [],
  };
  return `${JSON.stringify(head).slice(0, -1)},"detail":${text}}`;
}
