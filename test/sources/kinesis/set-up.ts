/** What the tests of the Kinesis source share: sources over the emulator, readings that end, inputs as producers write them. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Batch, Source } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../../src/sources/registry.ts";
import type { SourceDeps } from "../../../src/sources/settings.ts";
import { withAlso } from "../../contracts/source-exam.ts";
import type { KinesisFake } from "../../fakes/kinesis.ts";
import { LIMITS } from "../records.ts";

export type Opening = {
  readonly kinesis: Pick<KinesisFake, "endpoint">;
  readonly stream: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly deps?: Partial<SourceDeps>;
};

/** A source over a stream, in the fashion of the configuration. */
export function openKinesis({ kinesis, stream, settings = {}, deps = {} }: Opening): Source {
  const { endpoint } = kinesis;
  const given = { type: "kinesis", stream, region: "eu-west-1", endpoint, every: "200ms", ...settings };
  const config = sourceRegistry.kinesis.schema.parse(given);
  return createSource(config, { clock: systemClock, limits: LIMITS, warn: () => undefined, ...deps });
}

/** A source that ends when all that was there at its start is read. */
export function toEnding(opening: Opening): Source {
  const template = openKinesis(opening);
  return {
    ...template,
    read: (positions, signal) => {
      const end = new AbortController();
      const onScanned = (): void => end.abort();
      const source = openKinesis({ ...opening, deps: { ...opening.deps, onScanned } });
      return source.read(positions, AbortSignal.any([signal, end.signal]));
    },
  };
}

/** Batches until `isEnough`, each settled; at most 20 s. */
export async function readUntil(
  source: Source,
  positions: ReadonlyMap<string, string>,
  isEnough: (batches: readonly Batch[]) => boolean,
): Promise<readonly Batch[]> {
  const end = new AbortController();
  const late = setTimeout(() => end.abort(), 20_000);
  const batches: Batch[] = [];
  for await (const batch of source.read(positions, end.signal)) {
    batches.push(...withAlso(batch));
    for (const one of withAlso(batch)) one.settle();
    if (isEnough(batches)) end.abort();
  }
  clearTimeout(late);
  return batches;
}

/** What CloudWatch Logs puts into a stream for these log events. */
export function toLogs(messages: readonly string[], messageType = "DATA_MESSAGE"): Uint8Array {
  const logEvents = messages.map((message, at) => ({ id: String(at), timestamp: 1_767_323_045_000, message }));
  const names = { owner: "111122223333", logGroup: "trail", logStream: "s", subscriptionFilters: ["f"] };
  return gzipSync(JSON.stringify({ messageType, ...names, logEvents }));
}

/** What the Kinesis Producer Library makes of these records, written after its description of the format. */
export function toAggregate(records: readonly (string | Uint8Array)[]): Uint8Array {
  const key = field(1, Buffer.from("partition"));
  const entries = records.map((record) =>
    field(3, Buffer.concat([Buffer.from([0x08, 0x00]), field(3, Buffer.from(record))])),
  );
  const message = Buffer.concat([key, ...entries]);
  const checksum = createHash("md5").update(message).digest();
  return Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2]), message, checksum]);
}

function field(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}
