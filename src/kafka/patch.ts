/**
 * Four faults of kafkajs 2.2.4, mended where they are, for the whole process.
 *
 * The request queue re-arms a timer for ever once anything was sent (tulios/kafkajs #1556): 3 % of a core in an idle
 * daemon, and warnings of Node. And one partition without a leader makes the description of its whole topic an error, so
 * that no other partition can be sent to once the description is a minute old. And why the coordinator of a group is not told,
 * which most often is that the group is not allowed, is lost on the way. And one batch that cannot be unpacked holds up all that
 * is fetched with it, for ever (./fetched.ts). test/kafka/client/patch.test.ts fails when a
 * new kafkajs no longer has what is mended here.
 */
import Cluster from "kafkajs/src/cluster/index.js";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import fetchV11 from "kafkajs/src/protocol/requests/fetch/v11/response.js";
import metadataV5 from "kafkajs/src/protocol/requests/metadata/v5/response.js";
import metadataV6 from "kafkajs/src/protocol/requests/metadata/v6/response.js";
import { decodeFetch } from "./fetched.ts";

/** https://kafka.apache.org/protocol#protocol_error_codes: LEADER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE, LISTENER_NOT_FOUND. */
const LEADERLESS: ReadonlySet<number> = new Set([5, 9, 72]);

let isDone = false;

/** Mends them, once. */
export function patchKafkajs(): void {
  if (isDone) return;
  isDone = true;
  fetchV11.decode = decodeFetch;
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (): void {
    // Whatever is queued later schedules the next look itself.
    if (this.pending.length > 0) schedule.call(this);
  };
  const findCoordinator = Cluster.prototype.findGroupCoordinatorMetadata;
  Cluster.prototype.findGroupCoordinatorMetadata = async function (request) {
    try {
      return await findCoordinator.call(this, request);
    } catch (error) {
      if ((error as Error).name !== "KafkaJSGroupCoordinatorNotFound") throw error;
      // Every broker refused: one is asked again, for its answer.
      const broker = await this.brokerPool.findConnectedBroker();
      await broker.findGroupCoordinator(request);
      throw error;
    }
  };
  for (const response of [metadataV5, metadataV6]) {
    const parse = response.parse;
    response.parse = async (metadata) => {
      await parse({ ...metadata, topicMetadata: metadata.topicMetadata.map(withoutLeaderless) });
      return metadata;
    };
  }
}

/** The topic without partitions whose only fault is that they have no leader now: sending to one of these tells it. */
function withoutLeaderless<Topic extends { partitionMetadata: readonly { partitionErrorCode: number }[] }>(
  topic: Topic,
): Topic {
  const partitionMetadata = topic.partitionMetadata.filter(
    ({ partitionErrorCode }) => !LEADERLESS.has(partitionErrorCode),
  );
  return { ...topic, partitionMetadata };
}
