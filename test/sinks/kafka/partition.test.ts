import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import { murmur2, toPartition } from "../../../src/sinks/kafka/partition.ts";

// The values of Kafka's own test, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java.
test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("murmur2 of %s is that of the Java client", (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test("a key goes where the usual producers would put it", () => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner();
  for (const partitions of [1, 3, 12, 50]) {
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 1 }));
    for (let n = 0; n < 200; n += 1) {
      const key = `alert-${n}${"x".repeat(n % 7)}`;
      const usual = partitioner({
        topic: "t",
        partitionMetadata: partitionMetadata as never,
        message: { key, value: "" },
      });
      expect(toPartition(key, partitions)).toBe(usual);
    }
  }
});
