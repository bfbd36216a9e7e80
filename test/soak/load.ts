/**
 * Steady load on a soaked daemon: honest records and attacks, by objects of S3 with their notices, by EventBridge
 * envelopes on a queue, and by files in a folder, one third of the attacks each way.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Emulator, Queue } from "../fakes/emulator.ts";
import { toNotice } from "../fakes/s3-notices.ts";
import { createHonest, toMark, toTrio } from "../live/records.ts";
import { envelope } from "../sources/sqs/envelope.ts";

export const BUCKET = "soak-trail";
/** A trio each so many beats. */
const TRIO_EVERY = 5;
/** Of ten honest records so many by S3 and by EventBridge; the rest by files. */
const [BY_S3, BY_PUSH] = [6, 2];

export type Ways = {
  readonly emulator: Emulator;
  readonly trail: Queue;
  readonly push: Queue;
  readonly input: string;
};

export type Load = {
  /** Sends what belongs to one second. */
  beat(): Promise<void>;
  /** Ids of the events of attacks by when they were sent (epoch ms); a trio counts by its last. */
  readonly sent: ReadonlyMap<string, number>;
  readonly counts: { records: number; marks: number; trios: number };
};

/** `rate`: honest records a second. */
export function createLoad(
  { emulator, trail, push, input }: Ways,
  { rate, seed }: { rate: number; seed: number },
): Load {
  const honest = createHonest(seed);
  const sent = new Map<string, number>();
  const counts = { records: 0, marks: 0, trios: 0 };
  let beats = 0;
  mkdirSync(input, { recursive: true });
  const toParts = (nowMs: number): [string[], string[], string[]] => {
    const parts: [string[], string[], string[]] = [[], [], []];
    for (let n = 0; n < rate; n += 1) {
      const tenth = n % 10;
      parts[tenth < BY_S3 ? 0 : tenth < BY_S3 + BY_PUSH ? 1 : 2].push(honest(nowMs));
    }
    const mark = `mark-${beats}`;
    parts[(beats % 3) as 0 | 1 | 2].push(toMark(mark, nowMs));
    sent.set(mark, nowMs);
    counts.marks += 1;
    if (beats % TRIO_EVERY !== 0) return parts;
    toTrio(`trio-${beats}`, nowMs).forEach((text, n) => parts[n as 0 | 1 | 2].push(text));
    sent.set(`trio-${beats}-2`, nowMs);
    counts.trios += 1;
    return parts;
  };
  return {
    sent,
    counts,
    beat: async () => {
      const [nowMs, number] = [Date.now(), (beats += 1)];
      const [stored, pushed, filed] = toParts(nowMs);
      counts.records += stored.length + pushed.length + filed.length;
      const key = `AWSLogs/111122223333/CloudTrail/eu-west-1/soak-${number}.json.gz`;
      const bytes = gzipSync(`{"Records":[${stored.join(",")}]}`, { level: 1 });
      const etag = await emulator.put(BUCKET, key, bytes);
      await emulator.send(trail, [toNotice({ bucket: BUCKET, key, size: bytes.length, etag })]);
      await emulator.send(
        push,
        pushed.map((text) => envelope("AWS API Call via CloudTrail", text, "aws.s3")),
      );
      if (filed.length === 0) return;
      const path = join(input, `soak-${number}.ndjson`);
      writeFileSync(`${path}.part`, `${filed.join("\n")}\n`);
      renameSync(`${path}.part`, path);
    },
  };
}
