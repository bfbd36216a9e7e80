/**
 * From messages of a queue to batches: each message's body is packed as ../bodies.ts says.
 */
import type { SqsMessage } from "../../aws/sqs-types.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import { packBodies, type PackedBatch } from "../records/bodies.ts";
import type { RecordLimits } from "../records/batches.ts";

/** Name of the source, of the queue, and the bounds of records. */
export type PackOptions = {
  readonly source: string;
  readonly queue: string;
  readonly limits: RecordLimits;
  readonly scanners: Scanners;
};

/** Batches of these messages, at least one, each of one kind; together they count all that was in them. */
export function packMessages(
  messages: readonly SqsMessage[],
  { queue, ...options }: PackOptions,
): readonly PackedBatch[] {
  const bodies = messages.map(({ id, body }) => ({ bytes: Buffer.from(body), path: `sqs://${queue}/${id}` }));
  return packBodies(bodies, { ...options, path: `sqs://${queue}/batch/${messages[0]?.id ?? ""}` });
}
