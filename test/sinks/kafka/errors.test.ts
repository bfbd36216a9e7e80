import { describe, expect, test } from "vitest";
import { type Place, readError } from "../../../src/sinks/kafka/errors.ts";

const place: Place = { topic: "alerts", brokers: ["kafka-1:9092"], user: "sagewatch" };

/** An error as kafkajs wraps it: the broker's word in the cause of the outer one. */
const wrapped = (type: string): Error =>
  Object.assign(new Error("outer"), {
    name: "KafkaJSNumberOfRetriesExceeded",
    retriable: false,
    cause: Object.assign(new Error("inner"), { name: "KafkaJSProtocolError", type }),
  });
const plain = (type: string): Error => Object.assign(new Error("x"), { name: "KafkaJSProtocolError", type });
const named = (name: string, more: object = {}): Error => Object.assign(new Error("x"), { name, ...more });

describe("what an error means", () => {
  test.each([
    ["a message that the broker does not take", plain("MESSAGE_TOO_LARGE"), { answer: "refused", code: "too_large" }],
    ["the same, wrapped", wrapped("RECORD_LIST_TOO_LARGE"), { answer: "refused", code: "too_large" }],
    ["a record that a policy refuses", plain("POLICY_VIOLATION"), { answer: "refused", code: "policy_violation" }],
    ["a repetition that the broker knows", plain("DUPLICATE_SEQUENCE_NUMBER"), { answer: "accepted" }],
    ["a partition without a leader", wrapped("LEADER_NOT_AVAILABLE"), { code: "leader_missing", isLocal: true }],
    ["a leader that is not known", named("KafkaJSBrokerNotFound"), { code: "leader_missing", isLocal: true }],
    ["too few replicas", plain("NOT_ENOUGH_REPLICAS"), { code: "replicas_missing", isLocal: true }],
    ["a producer that the broker forgot", plain("OUT_OF_ORDER_SEQUENCE_NUMBER"), { needsProducer: true }],
    ["no answer", named("KafkaJSRequestTimeoutError"), { code: "timed_out" }],
    [
      "no connection, as a cause",
      { name: "KafkaJSNonRetriableError", cause: named("KafkaJSConnectionError") },
      { code: "unreachable" },
    ],
    ["a closed connection", named("KafkaJSConnectionClosedError"), { code: "unreachable" }],
    ["another word of the broker", plain("KAFKA_STORAGE_ERROR"), { code: "kafka_storage_error" }],
    ["something else", new TypeError("x"), { answer: "unknown", code: "send_failed" }],
    ["no error at all", undefined, { answer: "unknown", code: "send_failed" }],
  ])("%s", (_name, error, reading) => {
    expect(readError(error, place)).toMatchObject(reading);
  });
});

describe("what a person must do is told", () => {
  test.each([
    [
      "UNKNOWN_TOPIC_OR_PARTITION",
      "topic_missing",
      /topic alerts does not exist on kafka-1:9092.*Write and Describe on Topic:alerts/,
    ],
    [
      "TOPIC_AUTHORIZATION_FAILED",
      "not_authorised",
      /User:sagewatch may not write to topic alerts.*Write and Describe on Topic:alerts/,
    ],
    ["CLUSTER_AUTHORIZATION_FAILED", "not_authorised", /IdempotentWrite on Cluster/],
    ["SASL_AUTHENTICATION_FAILED", "auth_failed", /refused the log-in of User:sagewatch/],
  ])("%s", (type, code, detail) => {
    expect(readError(wrapped(type), place)).toEqual({ answer: "unknown", code, detail: expect.stringMatching(detail) });
  });

  test("a log-in that a lost connection cut off is no refusal", () => {
    const cut = named("KafkaJSSASLAuthenticationError", {
      message: "SASL OAUTHBEARER authentication failed: Closed connection",
    });
    expect(readError(cut, place)).toEqual({ answer: "unknown", code: "send_failed" });
    const refused = named("KafkaJSSASLAuthenticationError", {
      message: "SASL SCRAM SHA256 authentication failed: invalid credentials",
    });
    expect(readError(refused, place)).toMatchObject({ code: "auth_failed" });
  });

  test("a certificate that is not trusted, and a file that cannot be read", () => {
    const tls = named("KafkaJSConnectionError", {
      message: "Connection error: self-signed certificate",
      code: "SELF_SIGNED_CERT_IN_CHAIN",
    });
    expect(readError(tls, place)).toMatchObject({ code: "tls_failed", detail: expect.stringContaining("self-signed") });
    const file = Object.assign(new Error("ENOENT: no such file, open '/ca.pem'"), { code: "ENOENT", path: "/ca.pem" });
    expect(readError(file, place)).toMatchObject({
      code: "file_unreadable",
      detail: expect.stringContaining("/ca.pem"),
    });
  });
});

test("a chain of causes that leads to itself is no trap", () => {
  const error: { cause?: unknown } = {};
  error.cause = error;
  expect(readError(error, place)).toMatchObject({ code: "send_failed" });
});
