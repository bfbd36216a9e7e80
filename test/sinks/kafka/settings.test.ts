import { describe, expect, test } from "vitest";
import { kafkaSchema } from "../../../src/sinks/kafka/settings.ts";

const least = { type: "kafka", brokers: ["kafka-1:9092"] };
const iam = { mechanism: "aws-msk-iam", region: "eu-west-1" };
const sasl = { mechanism: "scram-sha-512", username: "sagewatch", password: { env: "KAFKA_PASSWORD" } };

test("brokers are enough, the rest has defaults", () => {
  expect(kafkaSchema.parse(least)).toMatchObject({
    name: "kafka",
    topic: "sagewatch-alerts",
    format: "ocsf",
    compression: "gzip",
    producers: 4,
    maxBytes: 900_000,
    clientId: "sagewatch",
    requestTimeout: 5000,
  });
});

describe("what is taken", () => {
  test.each([
    ["names, addresses and IPv6", { brokers: ["b-1.msk.example:9094", "10.0.0.1:9092", "[2001:db8::1]:9092"] }],
    ["TLS with a public authority", { tls: {} }],
    ["mutual TLS", { tls: { ca: "/ca.pem", cert: "/me.pem", key: { file: "/me.key" } } }],
    ["SCRAM without TLS", { sasl }],
    ["PLAIN with TLS", { tls: {}, sasl: { ...sasl, mechanism: "plain" } }],
    ["MSK's IAM log-in", { tls: {}, sasl: iam }],
    ["MSK's IAM log-in by a role", { tls: {}, sasl: { ...iam, role: "arn:aws:iam::111122223333:role/kafka" } }],
  ])("%s", (_name, settings) => {
    expect(kafkaSchema.safeParse({ ...least, ...settings }).error).toBeUndefined();
  });
});

describe("what is refused", () => {
  test.each([
    ["no brokers", { brokers: [] }],
    ["a broker without a port", { brokers: ["kafka-1"] }],
    ["an address of the web", { brokers: ["https://kafka-1:9092"] }],
    ["a topic with a space", { topic: "my alerts" }],
    ["a topic of dots", { topic: ".." }],
    ["a certificate without its key", { tls: { cert: "/me.pem" } }],
    ["a password in plain text", { sasl: { ...sasl, password: "secret" } }],
    ["PLAIN without TLS", { sasl: { ...sasl, mechanism: "plain" } }],
    ["a token in the clear", { sasl: iam }],
    ["IAM without a Region", { tls: {}, sasl: { mechanism: "aws-msk-iam" } }],
    ["IAM with a password", { tls: {}, sasl: { ...sasl, ...iam } }],
    ["IAM by a role that is in no account", { tls: {}, sasl: { ...iam, role: "kafka" } }],
    ["SCRAM with a role", { sasl: { ...sasl, role: "arn:aws:iam::111122223333:role/kafka" } }],
    ["SCRAM without a user", { sasl: { mechanism: sasl.mechanism, password: sasl.password } }],
    ["a compression that is not built in", { compression: "snappy" }],
    ["no producers", { producers: 0 }],
    ["a key that does not exist", { acks: 1 }],
  ])("%s", (_name, settings) => {
    expect(kafkaSchema.safeParse({ ...least, ...settings }).success).toBe(false);
  });
});
