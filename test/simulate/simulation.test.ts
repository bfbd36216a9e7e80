/**
 * The simulated stream as a whole: repeatable, exact in number, real in shape, honest in what is benign.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  createSimulation,
  DEFAULT_START_MS,
  generateRecords,
  type SimulationOptions,
} from "../../src/simulate/simulation.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { ACCOUNTS, FOREIGN_NETWORK } from "../../src/simulate/world.ts";
import { principalOf, readRecords, SMALL, type ParsedRecord } from "./reading.ts";

function hashOf(options: SimulationOptions): string {
  const hash = createHash("sha256");
  for (const file of createSimulation(options).files()) {
    hash.update(file.path);
    for (const { text } of file.records) hash.update(text);
  }
  return hash.digest("hex");
}

describe("determinism", () => {
  test("the same options give the same names and bytes, twice from one simulation too", () => {
    const options = { ...SMALL, attacks: ATTACK_NAMES };
    const simulation = createSimulation(options);
    const paths = [...simulation.files()].map(({ path }) => path);
    expect([...simulation.files()].map(({ path }) => path)).toEqual(paths);
    expect(hashOf(options)).toBe(hashOf({ ...options }));
  });

  test.each([
    ["seed", { seed: 12 }],
    ["number of records", { records: 3001 }],
    ["start", { startMs: DEFAULT_START_MS + 3_600_000 }],
    ["attacks", { attacks: ["llmjacking"] }],
  ])("another %s gives other bytes", (_, change) => {
    expect(hashOf({ ...SMALL, ...change })).not.toBe(hashOf(SMALL));
  });

  test("planting attacks leaves every benign record as it was", () => {
    const benign = readRecords(SMALL).map((record) => JSON.stringify(record));
    const withAttacks = new Set(
      readRecords({ ...SMALL, attacks: ATTACK_NAMES }).map((record) => JSON.stringify(record)),
    );
    expect(benign.filter((text) => !withAttacks.has(text))).toEqual([]);
  });
});

describe("number and range", () => {
  test.each([1, 300, 3000])("%i records are exactly that many, and those of attacks come on top", (records) => {
    const options = { ...SMALL, records, attacks: ATTACK_NAMES };
    const simulation = createSimulation(options);
    const planted = simulation.planted.reduce((sum, attack) => sum + attack.records.length, 0);
    const ids = new Set([...simulation.files()].flatMap((file) => file.records.map(({ eventId }) => eventId)));
    expect(ids.size).toBe(records + planted);
    expect(simulation.total).toBe(ids.size);
  });

  test("benign event times lie inside the run", () => {
    const { startMs, endMs } = createSimulation(SMALL);
    const times = readRecords(SMALL).map(({ eventTime }) => Date.parse(eventTime));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(startMs);
    expect(Math.max(...times)).toBeLessThan(endMs);
  });

  test.each([
    [{ records: 0 }, /--records is 0/u],
    [{ records: 1.5 }, /--records is 1\.5/u],
    [{ hours: 23 }, /--hours is 23.*24 to 720/u],
    [{ seed: 0.5 }, /--seed is 0\.5/u],
    [{ startMs: 1000 }, /--start is 1000/u],
    [{ duplicateShare: 2 }, /duplicates is 2/u],
  ])("%j is refused by name and range", (change, message) => {
    expect(() => createSimulation({ ...SMALL, ...change })).toThrow(message);
  });

  test("generateRecords gives the bytes of each record with its file, in file order", () => {
    const files = [...createSimulation(SMALL).files()];
    const expected = files.flatMap(({ path, records }) => records.map(({ text }) => `${path} ${text}`));
    const decoder = new TextDecoder();
    const found = [...generateRecords(SMALL)].map(({ file, bytes }) => `${file} ${decoder.decode(bytes)}`);
    expect(found).toEqual(expected);
  });
});

/** The keys that every real record of a kind has. */
const ALWAYS = [
  "eventVersion",
  "eventTime",
  "eventID",
  "eventType",
  "awsRegion",
  "recipientAccountId",
  "eventCategory",
];
const CALL = [...ALWAYS, "userIdentity", "eventSource", "eventName", "sourceIPAddress", "userAgent"];
const API = [...CALL, "requestParameters", "responseElements", "requestID", "readOnly", "managementEvent"];
const SHAPES: readonly (readonly [
  kind: string,
  isOfKind: (record: ParsedRecord) => boolean,
  required: readonly string[],
])[] = [
  ["management", (r) => r.eventType === "AwsApiCall" && r.eventCategory === "Management", API],
  [
    "data",
    (r) => r.eventType === "AwsApiCall" && r.eventCategory === "Data",
    [...API, "resources", "additionalEventData"],
  ],
  ["service event", (r) => r.eventType === "AwsServiceEvent", [...CALL, "readOnly", "serviceEventDetails"]],
  ["console sign-in", (r) => r.eventType === "AwsConsoleSignIn", [...CALL, "responseElements", "additionalEventData"]],
  ["insight", (r) => r.eventCategory === "Insight", [...ALWAYS, "insightDetails", "sharedEventID"]],
  [
    "network",
    (r) => r.eventCategory === "NetworkActivity",
    [...ALWAYS, "userIdentity", "eventSource", "eventName", "errorCode", "vpcEndpointId"],
  ],
];
const DAY: SimulationOptions = { ...SMALL, records: 20_000 };

describe("shape of the records", () => {
  const records = readRecords(DAY);

  test.each(SHAPES)("%s records are there and have the fields of their kind", (_, isOfKind, required) => {
    const ofKind = records.filter(isOfKind);
    expect(ofKind.length).toBeGreaterThan(0);
    expect(ofKind.filter((record) => required.some((key) => !(key in record)))).toEqual([]);
  });

  test("every record is of one of those kinds", () => {
    expect(records.filter((record) => SHAPES.filter(([, isOfKind]) => isOfKind(record)).length !== 1)).toEqual([]);
  });

  test("an Insight has no source, name, identity or agent at the top", () => {
    const insights = records.filter(({ eventCategory }) => eventCategory === "Insight");
    expect(
      insights.flatMap((record) =>
        ["eventSource", "eventName", "userIdentity", "userAgent"].filter((key) => key in record),
      ),
    ).toEqual([]);
  });

  test("versions, times, ids and accounts are written as AWS writes them", () => {
    const odd = records.filter(
      (record) =>
        !/^1\.(?:08|09|10|11)$/u.test(record.eventVersion) ||
        !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u.test(record.eventTime) ||
        !/^[0-9a-f-]{36}$/u.test(record.eventID) ||
        !ACCOUNTS.some(({ id }) => id === record.recipientAccountId),
    );
    expect(odd).toEqual([]);
    expect(ACCOUNTS.filter(({ id }) => /^0\d{11}$/u.test(id))).toHaveLength(1);
  });

  test("identities come in their forms: roles, users, services, people, web identities, and none", () => {
    const types = new Set(records.map(({ userIdentity }) => userIdentity?.type ?? "none"));
    expect([...types].toSorted()).toEqual([
      "AWSAccount",
      "AWSService",
      "AssumedRole",
      "IAMUser",
      "IdentityCenterUser",
      "WebIdentityUser",
      "none",
    ]);
    const services = records.filter(({ userIdentity }) => userIdentity?.type === "AWSService");
    expect(services.filter(({ userIdentity }) => Object.keys(userIdentity ?? {}).join() !== "type,invokedBy")).toEqual(
      [],
    );
    const people = records.filter(({ userIdentity }) => userIdentity?.type === "IdentityCenterUser");
    expect(people.every(({ userIdentity }) => userIdentity?.arn === "")).toBe(true);
  });

  test("a role keeps one unique id under all its session names", () => {
    const ids = new Map<string, Set<string>>();
    for (const { userIdentity } of records) {
      const issuer = userIdentity?.sessionContext?.sessionIssuer;
      if (issuer?.arn === undefined) continue;
      ids.set(issuer.arn, (ids.get(issuer.arn) ?? new Set<string>()).add(issuer.principalId ?? ""));
    }
    expect(ids.size).toBeGreaterThan(20);
    expect([...ids.values()].filter((found) => found.size !== 1)).toEqual([]);
  });

  test("model calls are management events that read, with nothing but a model id", () => {
    const calls = records.filter(({ eventName }) => eventName === "InvokeModel" || eventName === "Converse");
    expect(calls.length).toBeGreaterThan(100);
    expect(calls.filter((call) => call.eventCategory !== "Management" || call.readOnly !== true)).toEqual([]);
    expect(new Set(calls.map(({ requestParameters }) => Object.keys(requestParameters ?? {}).join()))).toEqual(
      new Set(["modelId"]),
    );
  });

  test("the services that lead real streams lead here, with errors and denials in it", () => {
    const share = (isCounted: (record: ParsedRecord) => boolean): number =>
      records.filter(isCounted).length / records.length;
    const leaders = new Set(["s3", "kms", "ssm", "sts", "ec2"].map((name) => `${name}.amazonaws.com`));
    expect(share(({ eventSource }) => leaders.has(eventSource ?? ""))).toBeGreaterThan(0.5);
    expect(share(({ eventSource }) => /^(?:bedrock|sagemaker)\./u.test(eventSource ?? ""))).toBeGreaterThan(0.1);
    expect(share(({ errorCode }) => errorCode !== undefined)).toBeGreaterThan(0.02);
    expect(share(({ errorCode }) => errorCode === "AccessDenied")).toBeGreaterThan(0.01);
    expect(share(({ errorCode }) => /Throttling|RequestLimit/u.test(errorCode ?? ""))).toBeGreaterThan(0.003);
  });
});

describe("the benign stream trips no obvious rule", () => {
  const records = readRecords({ ...SMALL, records: 60_000 });
  const named = (...names: readonly string[]): readonly ParsedRecord[] =>
    records.filter(({ eventName }) => names.includes(eventName ?? ""));

  test("nobody comes from the attackers' network, and nobody touches logging, detection or model access", () => {
    expect(records.filter(({ sourceIPAddress }) => sourceIPAddress?.startsWith(FOREIGN_NETWORK))).toEqual([]);
    expect(
      named(
        "StopLogging",
        "DeleteTrail",
        "UpdateTrail",
        "PutEventSelectors",
        "UpdateDetector",
        "DeleteDetector",
        "DeleteModelInvocationLoggingConfiguration",
        "PutModelInvocationLoggingConfiguration",
        "PutUseCaseForModelAccess",
        "CreateFoundationModelAgreement",
        "PutFoundationModelEntitlement",
        "PutBucketPolicy",
        "CreateKeyPair",
      ),
    ).toEqual([]);
  });

  test("no principal creates more than two endpoints in an hour", () => {
    const created = named("CreateEndpoint").toSorted((a, b) => a.eventTime.localeCompare(b.eventTime));
    expect(created.length).toBeGreaterThan(2);
    const most = created.map((first) => {
      const from = Date.parse(first.eventTime);
      const isNear = ({ eventTime }: ParsedRecord): boolean =>
        Date.parse(eventTime) >= from && Date.parse(eventTime) < from + 3_600_000;
      return created.filter((other) => principalOf(other) === principalOf(first) && isNear(other)).length;
    });
    expect(Math.max(...most)).toBeLessThanOrEqual(2);
  });

  test("people start training from 07:00 to 20:00 UTC on weekdays only; by night it is pipelines", () => {
    const isOutside = ({ eventTime }: ParsedRecord): boolean => {
      const date = new Date(eventTime);
      return date.getUTCDay() % 6 === 0 || date.getUTCHours() < 7 || date.getUTCHours() >= 20;
    };
    const started = named("CreateTrainingJob");
    expect(started.filter((record) => principalOf(record).includes("AWSReservedSSO")).length).toBeGreaterThan(0);
    const outside = started.filter(isOutside);
    expect(outside.length).toBeGreaterThan(0);
    expect(outside.filter((record) => !principalOf(record).endsWith("/SageMakerPipelineRole"))).toEqual([]);
  });

  test("GPU machines come one at a time, small, from Auto Scaling or the release role", () => {
    const gpu = named("RunInstances").filter(({ requestParameters }) =>
      /^(?:p|g)\d/u.test(String(requestParameters?.["instanceType"])),
    );
    expect(gpu.length).toBeLessThan(60);
    expect(
      gpu.filter(
        ({ requestParameters }) => !["g4dn.xlarge", "g5.xlarge"].includes(String(requestParameters?.["instanceType"])),
      ),
    ).toEqual([]);
    expect(gpu.filter((record) => !/AWSServiceRoleForAutoScaling$|\/ml-release$/u.test(principalOf(record)))).toEqual(
      [],
    );
  });

  test("who looks at models never calls one", () => {
    const callers = new Set(
      named("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream").map(principalOf),
    );
    const lookers = named("ListFoundationModels", "GetFoundationModelAvailability").map(principalOf);
    expect(callers.size).toBeGreaterThan(2);
    expect(lookers.filter((principal) => callers.has(principal))).toEqual([]);
  });

  test("model artifacts are read by SageMaker's role from inside", () => {
    const reads = named("GetObject").filter(({ requestParameters }) =>
      /\.(?:gz|safetensors|pt)$/u.test(String(requestParameters?.["key"])),
    );
    expect(reads.length).toBeGreaterThan(0);
    const strangers = reads.filter(
      (record) =>
        !principalOf(record).endsWith("/SageMakerExecutionRole") || !record.sourceIPAddress?.startsWith("10."),
    );
    expect(strangers).toEqual([]);
  });

  test("people sleep: each team is quiet in its own night", () => {
    const hoursOf = (user: string): Set<number> =>
      new Set(
        records
          .filter(({ userIdentity }) => userIdentity?.arn?.includes(`/${user}@`))
          .map(({ eventTime }) => Number(eventTime.slice(11, 13))),
      );
    const tokyo = hoursOf("aiko.tanabe");
    const east = hoursOf("dana.whitfield");
    expect([...tokyo].filter((hour) => hour >= 14 && hour < 22)).toEqual([]);
    expect([...east].filter((hour) => hour >= 4 && hour < 11)).toEqual([]);
    expect(tokyo.size).toBeGreaterThan(5);
    expect(east.size).toBeGreaterThan(5);
  });
});
