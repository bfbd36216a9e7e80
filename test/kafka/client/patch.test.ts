/** What is mended in kafkajs is still there to be mended: this fails with a kafkajs that works otherwise. */
import Cluster from "kafkajs/src/cluster/index.js";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import metadataV6 from "kafkajs/src/protocol/requests/metadata/v6/response.js";
import { expect, test, vi } from "vitest";
import { patchKafkajs } from "../../../src/kafka/patch.ts";

const topic = (...codes: number[]): never =>
  ({
    topicErrorCode: 0,
    topic: "t",
    partitionMetadata: codes.map((partitionErrorCode) => ({ partitionErrorCode })),
  }) as never;

test("a topic with a partition without leader is described, any other fault is one", async () => {
  const before = metadataV6.parse({ topicMetadata: [topic(0, 5)] });
  await expect(before).rejects.toMatchObject({ type: "LEADER_NOT_AVAILABLE" });
  patchKafkajs();
  const described = { topicMetadata: [topic(0, 5, 9)] };
  expect(await metadataV6.parse(described)).toBe(described);
  await expect(metadataV6.parse({ topicMetadata: [topic(0, 5, 29)] })).rejects.toMatchObject({
    type: "TOPIC_AUTHORIZATION_FAILED",
  });
  const missing = [{ topicErrorCode: 3, partitionMetadata: [] }];
  await expect(metadataV6.parse({ topicMetadata: missing })).rejects.toMatchObject({
    type: "UNKNOWN_TOPIC_OR_PARTITION",
  });
});

test("why no broker tells the coordinator of a group is told", async () => {
  patchKafkajs();
  const denied = Object.assign(new Error("denied"), { type: "GROUP_AUTHORIZATION_FAILED" });
  const broker = { findGroupCoordinator: () => Promise.reject(denied) };
  const cluster = {
    brokerPool: { withBroker: () => Promise.resolve(null), findConnectedBroker: () => Promise.resolve(broker) },
  };
  const asked = Cluster.prototype.findGroupCoordinatorMetadata.call(cluster as never, {
    groupId: "g",
    coordinatorType: 0,
  });
  await expect(asked).rejects.toBe(denied);
});

test("a request queue with nothing in it sets no timer", () => {
  patchKafkajs();
  const set = vi.spyOn(globalThis, "setTimeout");
  const queue = { pending: [] as unknown[], throttledUntil: -1, throttleCheckTimeoutId: null as unknown };
  const schedule = (): void => RequestQueue.prototype.scheduleCheckPendingRequests.call(queue as never);
  schedule();
  expect(set).not.toHaveBeenCalled();
  queue.pending = [{}];
  schedule();
  expect(set).toHaveBeenCalledOnce();
  clearTimeout(queue.throttleCheckTimeoutId as NodeJS.Timeout);
  set.mockRestore();
});
