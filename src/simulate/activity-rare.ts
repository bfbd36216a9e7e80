/**
 * Records of the rare kinds: CloudTrail Insights and network activity at VPC endpoints.
 *
 * Their envelope differs from that of a call (an Insight has no source, name, identity or agent at the top), so they are
 * made here whole. AWS delivers them in folders of their own, which ./delivery.ts knows by `kind`.
 */
import { toUtcText } from "../lib/clock.ts";
import type { Scene } from "./calls.ts";
import { sealRecord, type Json, type SimulatedRecord } from "./record.ts";

/** An Insight about a call rate: its start, and its end some minutes later under the same sharedEventID. */
export function insightPair(scene: Scene): readonly SimulatedRecord[] {
  const { random, account, region } = scene;
  const sharedEventID = random.uuid();
  const minute = Math.floor(scene.timeMs / 60_000) * 60_000;
  const [eventSource, eventName] = random.pick([
    ["ssm.amazonaws.com", "UpdateInstanceInformation"],
    ["ec2.amazonaws.com", "DescribeInstances"],
    ["kms.amazonaws.com", "Decrypt"],
  ] as const);
  const duration = random.int(2, 4);
  const baseline = { average: 2.40125 };
  return (["Start", "End"] as const).map((state) => {
    const statistics: Json = {
      baseline,
      insight: { average: 61.5 },
      insightDuration: state === "Start" ? 1 : duration,
      baselineDuration: 10_080,
    };
    const timeMs = state === "Start" ? minute : minute + duration * 60_000;
    const eventId = random.uuid();
    const insightDetails = {
      state,
      eventSource,
      eventName,
      insightType: "ApiCallRateInsight",
      insightContext: { statistics },
    };
    const record = {
      eventVersion: "1.09",
      eventTime: toUtcText(timeMs),
      awsRegion: region,
      eventID: eventId,
      eventType: "AwsCloudTrailInsight",
      recipientAccountId: account.id,
      sharedEventID,
      insightDetails,
      eventCategory: "Insight",
    };
    return sealRecord(record, { eventId, timeMs, accountId: account.id, region, kind: "insight", isGlobal: false });
  });
}

/** A call that a VPC endpoint's policy refused: the caller is known by account only. */
export function deniedAtEndpoint(scene: Scene): readonly SimulatedRecord[] {
  const { random, account, region, timeMs } = scene;
  const eventId = random.uuid();
  const [source, name] = random.pick([
    ["kms", "Decrypt"],
    ["secretsmanager", "GetSecretValue"],
    ["s3", "PutObject"],
  ] as const);
  const record = {
    eventVersion: "1.10",
    userIdentity: {
      type: "AWSAccount",
      principalId: `AROA${random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17)}:batch`,
      accountId: account.id,
    },
    eventTime: toUtcText(timeMs),
    eventSource: `${source}.amazonaws.com`,
    eventName: name,
    awsRegion: region,
    sourceIPAddress: `10.1.${random.int(0, 255)}.${random.int(4, 250)}`,
    errorCode: "VpceAccessDenied",
    errorMessage: "The request was denied due to a VPC endpoint policy",
    requestID: random.uuid(),
    eventID: eventId,
    eventType: "AwsVpceEvent",
    recipientAccountId: account.id,
    sharedEventID: random.uuid(),
    vpcEndpointId: "vpce-0d985940f92611b87",
    vpcEndpointAccountId: account.id,
    eventCategory: "NetworkActivity",
  };
  return [sealRecord(record, { eventId, timeMs, accountId: account.id, region, kind: "network", isGlobal: false })];
}
