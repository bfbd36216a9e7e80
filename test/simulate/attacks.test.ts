/**
 * The planted attacks: each leaves what its rule looks for, in real fields, and its answer tells the truth.
 */
import { describe, expect, test } from "vitest";
import { toAnswers, type AttackAnswer } from "../../src/simulate/answers.ts";
import { ATTACK_NAMES, parseAttacks } from "../../src/simulate/attacks/catalog.ts";
import { EXPECTED_RULES } from "../../src/simulate/attacks/stage.ts";
import { createSimulation } from "../../src/simulate/simulation.ts";
import { accountOf, FOREIGN_ACCOUNT_ID } from "../../src/simulate/world.ts";
import { principalOf, readRecords, SMALL, type ParsedRecord } from "./reading.ts";

const options = { ...SMALL, attacks: ATTACK_NAMES };
const simulation = createSimulation(options);
const answers = toAnswers(simulation, { records: 0, copies: 0, files: 0 });
const records = new Map(readRecords(options).map((record) => [record.eventID, record]));

function answerOf(name: string): AttackAnswer {
  return answers.attacks.find((attack) => attack.name === name) as AttackAnswer;
}

/** The records of an attack in its order. */
function recordsOf(name: string, ...eventNames: readonly string[]): readonly ParsedRecord[] {
  const own = answerOf(name).eventIds.map((eventId) => records.get(eventId) as ParsedRecord);
  return eventNames.length === 0 ? own : own.filter(({ eventName }) => eventNames.includes(eventName ?? ""));
}

function minutesOf(found: readonly ParsedRecord[]): number {
  const times = found.map(({ eventTime }) => Date.parse(eventTime));
  return (Math.max(...times) - Math.min(...times)) / 60_000;
}

const request = (record: ParsedRecord | undefined, key: string): unknown => record?.requestParameters?.[key];

describe("answers", () => {
  test.each(ATTACK_NAMES)(
    "%s: every event id is in the files, in time order, by the named principal, in the named places",
    (name) => {
      const answer = answerOf(name);
      const own = recordsOf(name);
      expect(own.length).toBeGreaterThan(0);
      expect(own).not.toContain(undefined);
      const times = own.map(({ eventTime }) => eventTime);
      expect(times).toEqual(times.toSorted());
      expect([times[0], times.at(-1)]).toEqual([answer.firstEventTime, answer.lastEventTime]);
      expect(new Set(own.map(principalOf))).toEqual(new Set([answer.principal]));
      expect(new Set(own.map(({ recipientAccountId }) => recipientAccountId))).toEqual(new Set([answer.accountId]));
      expect([...new Set(own.map(({ awsRegion }) => awsRegion))].toSorted()).toEqual(answer.regions.toSorted());
    },
  );

  test.each(ATTACK_NAMES)("%s expects rules of the table and has honest agents", (name) => {
    const known: readonly string[] = Object.values(EXPECTED_RULES);
    expect(answerOf(name).expect.rules.length).toBeGreaterThan(0);
    expect(answerOf(name).expect.rules.filter((rule) => !known.includes(rule))).toEqual([]);
    expect(recordsOf(name).filter(({ userAgent }) => !/^\[?(?:aws-cli|Boto3)\//u.test(userAgent ?? ""))).toEqual([]);
  });

  test("each rule of the table is expected by an attack", () => {
    const expected = new Set(answers.attacks.flatMap((attack) => attack.expect.rules));
    expect([...expected].toSorted()).toEqual(Object.values(EXPECTED_RULES).toSorted());
  });

  test("without attacks none of their event ids is there, and the answers are empty", () => {
    const benign = new Set(readRecords(SMALL).map(({ eventID }) => eventID));
    expect(answers.attacks.flatMap(({ eventIds }) => eventIds.filter((eventId) => benign.has(eventId)))).toEqual([]);
    expect(toAnswers(createSimulation(SMALL), { records: 0, copies: 0, files: 0 }).attacks).toEqual([]);
  });

  test("attacks play inside a longer run and a run that starts at noon too", () => {
    const startMs = Date.UTC(2026, 2, 14, 12);
    const later = createSimulation({ ...options, startMs, hours: 48 });
    const times = later.planted.flatMap((attack) => attack.records.map(({ timeMs }) => timeMs));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(later.startMs);
    expect(Math.max(...times)).toBeLessThan(later.endMs);
    const night = later.planted.find(({ name }) => name === "off-hours-training");
    expect(new Date(night?.records[0]?.timeMs ?? 0).getUTCHours()).toBe(3);
  });
});

describe("parseAttacks", () => {
  test.each([
    ["all", ATTACK_NAMES],
    ["none", []],
    ["llmjacking, bulk-endpoints", ["bulk-endpoints", "llmjacking"]],
    ["llmjacking,llmjacking", ["llmjacking"]],
  ])("%s", (list, expected) => {
    expect(parseAttacks(list)).toEqual(expected);
  });

  test.each(["", "llmjack", "all,llmjacking", "toString"])("%j is refused with the names that are known", (list) => {
    expect(() => parseAttacks(list)).toThrow(/unknown attack.*llmjacking/u);
  });
});

describe("what each attack leaves", () => {
  test("credential-theft-gpu: GPU launches refused, then granted, in two Regions, by a key that also works honestly", () => {
    const launches = recordsOf("credential-theft-gpu", "RunInstances");
    expect(new Set(launches.map(({ errorCode }) => errorCode))).toEqual(
      new Set(["Client.UnauthorizedOperation", "Client.VcpuLimitExceeded", undefined]),
    );
    const granted = launches.filter(({ errorCode }) => errorCode === undefined);
    expect(new Set(granted.map(({ awsRegion }) => awsRegion))).toEqual(new Set(["us-east-1", "eu-west-1"]));
    expect(launches.every((launch) => /^(?:p4d|p5|g5)\./u.test(String(request(launch, "instanceType"))))).toBe(true);
    const [first] = granted;
    expect(first).toMatchObject({
      responseElements: { instancesSet: { items: [{ instanceType: request(first, "instanceType") }, {}] } },
    });
    const honest = [...records.values()].filter(
      (record) =>
        principalOf(record) === answerOf("credential-theft-gpu").principal &&
        record.sourceIPAddress?.startsWith("192.0.2."),
    );
    expect(honest.length).toBeGreaterThan(0);
  });

  test("bulk-endpoints: 12 endpoints within 20 minutes, no session with 5, one role", () => {
    const created = recordsOf("bulk-endpoints", "CreateEndpoint");
    expect(created).toHaveLength(12);
    expect(minutesOf(created)).toBeLessThan(20);
    const bySession = Map.groupBy(created, ({ userIdentity }) => userIdentity?.arn);
    expect(bySession.size).toBe(4);
    expect(Math.max(...[...bySession.values()].map((group) => group.length))).toBeLessThan(5);
    const variants = recordsOf("bulk-endpoints", "CreateEndpointConfig").map((record) =>
      request(record, "productionVariants"),
    );
    expect(
      variants.every((list) => /^ml\.(?:g5|p4d)\./u.test((list as { instanceType: string }[])[0]?.instanceType ?? "")),
    ).toBe(true);
  });

  test("off-hours-training: one job of 8 ml.p4d.24xlarge at three, by a person", () => {
    const [job, ...more] = recordsOf("off-hours-training", "CreateTrainingJob");
    expect(more).toEqual([]);
    expect(job?.eventTime).toMatch(/T03:/u);
    expect(request(job, "resourceConfig")).toMatchObject({ instanceType: "ml.p4d.24xlarge", instanceCount: 8 });
    expect(answerOf("off-hours-training").principal).toContain("AWSReservedSSO_MLEngineer");
    expect(job?.recipientAccountId).toBe(accountOf("prod-ml").id);
  });

  test("llmjacking: probing and enabling, and only then calls that succeed, in all Regions", () => {
    const names = recordsOf("llmjacking").map(
      ({ eventName, errorCode }) => `${eventName}${errorCode === undefined ? "" : ` ${errorCode}`}`,
    );
    const firstSuccess = names.findIndex((name) =>
      /^(?:InvokeModel|InvokeModelWithResponseStream|Converse)$/u.test(name),
    );
    const before = names.slice(0, firstSuccess);
    expect(before).toEqual(
      expect.arrayContaining([
        "ListFoundationModels",
        "GetFoundationModelAvailability",
        "InvokeModel AccessDenied",
        "InvokeModel ValidationException",
        "GetModelInvocationLoggingConfiguration",
        "PutUseCaseForModelAccess",
        "CreateFoundationModelAgreement",
        "PutFoundationModelEntitlement",
      ]),
    );
    expect(names.slice(firstSuccess)).toHaveLength(180);
    expect(minutesOf(recordsOf("llmjacking"))).toBeLessThan(60);
  });

  test("logging-off: Bedrock's log, selectors, trail and GuardDuty, with one refusal", () => {
    const changes = recordsOf("logging-off").filter(({ readOnly }) => readOnly === false);
    expect(changes.map(({ eventName, errorCode }) => [eventName, errorCode])).toEqual([
      ["DeleteModelInvocationLoggingConfiguration", undefined],
      ["PutEventSelectors", undefined],
      ["StopLogging", undefined],
      ["UpdateDetector", undefined],
      ["DeleteTrail", "AccessDenied"],
    ]);
    expect(changes[0]?.requestParameters).toBeNull();
    expect(request(changes[3], "enable")).toBe(false);
  });

  test("weights-copied-out: many model files in minutes from outside, copies abroad, the bucket opened", () => {
    const reads = recordsOf("weights-copied-out", "GetObject");
    expect(new Set(reads.map((record) => request(record, "key"))).size).toBe(40);
    expect(
      reads.every(
        (record) => record.eventCategory === "Data" && String(request(record, "bucketName")).includes("-models"),
      ),
    ).toBe(true);
    expect(reads.filter((record) => String(request(record, "key")).endsWith("model.tar.gz")).length).toBeGreaterThan(5);
    expect(minutesOf(reads)).toBeLessThan(15);
    const [policy] = recordsOf("weights-copied-out", "PutBucketPolicy");
    expect(JSON.stringify(request(policy, "bucketPolicy"))).toContain(`arn:aws:iam::${FOREIGN_ACCOUNT_ID}:root`);
    expect(recordsOf("weights-copied-out", "CopyObject")).toHaveLength(4);
  });
});
