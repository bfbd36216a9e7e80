/** The fake answers the real clients: each protocol, typed errors, checks of requests and of its own answers. */
import * as cloudtrail from "@aws-sdk/client-cloudtrail";
import * as cost from "@aws-sdk/client-cost-explorer";
import * as guardduty from "@aws-sdk/client-guardduty";
import * as securityhub from "@aws-sdk/client-securityhub";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import * as sts from "@aws-sdk/client-sts";
import { afterEach, describe, expect, test } from "vitest";
import { checkShape, errorStatus, membersOf, operationsOf, toShape, TUPLE, tuplesOf } from "./schema.ts";
import { type Fake, FakeError, serve, type Served, startFake } from "./service.ts";

let fake: Fake | null = null;
afterEach(async () => {
  await fake?.close();
  fake = null;
});

async function start(...services: readonly Served[]): Promise<{
  region: string;
  endpoint: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
  maxAttempts: number;
}> {
  fake = await startFake(services);
  const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret", sessionToken: "token" };
  return { region: "eu-west-1", endpoint: fake.url, credentials, maxAttempts: 1 };
}

describe("the SDK's schemas have the form that the fakes read", () => {
  test("operations, structures and errors are tuples", () => {
    const lookup = tuplesOf(cloudtrail, TUPLE.operation).get("LookupEvents");
    expect(lookup?.slice(0, 4)).toEqual([9, "com.amazonaws.cloudtrail", "LookupEvents", 2]);
    expect(operationsOf(guardduty).get("ListFindings")?.http).toEqual(["POST", "/detector/{DetectorId}/findings", 200]);
    const send = toShape(operationsOf(sqs).get("SendMessage")!.input);
    expect(membersOf(send)).toMatchObject({ required: 2 });
    expect(membersOf(send).names.slice(0, 2)).toEqual(["QueueUrl", "MessageBody"]);
    expect(errorStatus(guardduty, "BadRequestException")).toBe(400);
    expect(errorStatus(guardduty, "NoSuchThing")).toBeNull();
  });

  test("a value that breaks its schema is told of in every place", () => {
    const { output } = operationsOf(cloudtrail).get("LookupEvents")!;
    const wrong = { Events: [{ EventId: 1, EventTime: "2026", Bogus: 1 }], Nexttoken: "x" };
    expect(checkShape(output, wrong).toSorted()).toEqual([
      "$.Events[0].Bogus: no such member of Event",
      "$.Events[0].EventId: not a string",
      "$.Events[0].EventTime: not a Date",
      "$.Nexttoken: no such member of LookupEventsResponse",
    ]);
    expect(checkShape(output, { Events: [{ EventId: "a", EventTime: new Date(0) }] })).toEqual([]);
  });
});

describe("real clients are answered", () => {
  test("JSON 1.1, with the client's paginator", async () => {
    const times = [1000, 2000, 3000];
    const settings = await start(
      serve(cloudtrail, {
        LookupEvents: ({ NextToken = "0" }) => {
          const at = Number(NextToken);
          const Events = [{ EventId: `e${at}`, EventTime: new Date(times[at] as number) }];
          return at + 1 < times.length ? { Events, NextToken: String(at + 1) } : { Events };
        },
      }),
    );
    const seen: unknown[] = [];
    const client = new cloudtrail.CloudTrailClient(settings);
    for await (const page of cloudtrail.paginateLookupEvents({ client }, {}))
      seen.push(...(page.Events ?? []).map(({ EventId, EventTime }) => [EventId, EventTime?.getTime()]));
    expect(seen).toEqual([
      ["e0", 1000],
      ["e1", 2000],
      ["e2", 3000],
    ]);
    expect(fake?.requests.map(({ operation, call }) => [operation, call.region, call.sessionToken])).toEqual(
      times.map(() => ["LookupEvents", "eu-west-1", "token"]),
    );
  });

  test("JSON 1.0 and REST-JSON with path labels", async () => {
    const settings = await start(
      serve(sqs, { GetQueueUrl: ({ QueueName }) => ({ QueueUrl: `http://q/${QueueName}` }) }),
      serve(guardduty, {
        ListFindings: ({ DetectorId, FindingCriteria }) => ({
          FindingIds: [`${DetectorId}/${FindingCriteria?.Criterion?.["updatedAt"]?.GreaterThanOrEqual}`],
          NextToken: "",
        }),
      }),
    );
    const url = await new sqs.SQSClient(settings).send(new sqs.GetQueueUrlCommand({ QueueName: "a" }));
    expect(url.QueueUrl).toBe("http://q/a");
    const criterion = { updatedAt: { GreaterThanOrEqual: 1_700_000_000_000 } };
    const found = await new guardduty.GuardDutyClient(settings).send(
      new guardduty.ListFindingsCommand({ DetectorId: "d 1", FindingCriteria: { Criterion: criterion } }),
    );
    expect(found.FindingIds).toEqual(["d 1/1700000000000"]);
  });

  test("Query, both ways", async () => {
    const seen: unknown[] = [];
    const settings = await start(
      serve(sts, {
        AssumeRole: ({ RoleArn, ExternalId, Tags }) => {
          seen.push([RoleArn, ExternalId, Tags]);
          const Expiration = new Date(1_800_000_000_000);
          return {
            Credentials: { AccessKeyId: "ASIA", SecretAccessKey: "<&>", SessionToken: "t", Expiration },
          };
        },
      }),
      serve(sns, { Publish: ({ MessageAttributes }) => ({ MessageId: MessageAttributes?.["a"]?.StringValue }) }),
    );
    const { Credentials } = await new sts.STSClient(settings).send(
      new sts.AssumeRoleCommand({
        RoleArn: "arn:aws:iam::111122223333:role/reader",
        RoleSessionName: "s",
        ExternalId: "x",
        Tags: [
          { Key: "k", Value: "1" },
          { Key: "l", Value: "2" },
        ],
      }),
    );
    expect(Credentials).toMatchObject({ SecretAccessKey: "<&>", Expiration: new Date(1_800_000_000_000) });
    expect(seen).toEqual([
      [
        "arn:aws:iam::111122223333:role/reader",
        "x",
        [
          { Key: "k", Value: "1" },
          { Key: "l", Value: "2" },
        ],
      ],
    ]);
    const MessageAttributes = { a: { DataType: "String", StringValue: "v" } };
    const published = await new sns.SNSClient(settings).send(
      new sns.PublishCommand({ TopicArn: "arn:t", Message: "m", MessageAttributes }),
    );
    expect(published.MessageId).toBe("v");
  });

  test("errors arrive as the client's own classes, with the model's status", async () => {
    const settings = await start(
      serve(cost, {
        GetAnomalies: () => {
          throw new FakeError("LimitExceededException", "too many calls");
        },
      }),
      serve(securityhub, {
        GetFindings: () => {
          throw new FakeError("InvalidAccessException", "not subscribed");
        },
      }),
      serve(sts, {
        AssumeRole: () => {
          throw new FakeError("AccessDenied", "not authorized", 403);
        },
      }),
    );
    const anomalies = new cost.GetAnomaliesCommand({ DateInterval: { StartDate: "2026-01-01" } });
    await expect(new cost.CostExplorerClient(settings).send(anomalies)).rejects.toThrow(cost.LimitExceededException);
    await expect(
      new securityhub.SecurityHubClient(settings).send(new securityhub.GetFindingsCommand({})),
    ).rejects.toMatchObject({ name: "InvalidAccessException", $metadata: { httpStatusCode: 401 } });
    await expect(
      new sts.STSClient(settings).send(new sts.AssumeRoleCommand({ RoleArn: "arn:role", RoleSessionName: "s" })),
    ).rejects.toMatchObject({ name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
  });

  test("a request without what its schema requires is refused by the service's code", async () => {
    const settings = await start(
      serve(guardduty, { GetFindings: () => ({ Findings: [] }) }, { invalidCode: "BadRequestException" }),
    );
    const broken = new guardduty.GetFindingsCommand({ DetectorId: "d" } as never);
    await expect(new guardduty.GuardDutyClient(settings).send(broken)).rejects.toMatchObject({
      name: "BadRequestException",
      message: expect.stringContaining("FindingIds: required") as string,
    });
  });

  test("an answer that breaks the schema fails the call and the test", async () => {
    const settings = await start(
      serve(guardduty, { GetFindings: () => ({ Findings: [{ Id: "f", Severity: "8" }] }) as never }),
    );
    const get = new guardduty.GetFindingsCommand({ DetectorId: "d", FindingIds: ["f"] });
    await expect(new guardduty.GuardDutyClient(settings).send(get)).rejects.toThrow("breaks the schema");
    expect(fake?.breaches.join()).toContain("$.Findings[0].Severity: not a number");
    await expect(fake?.close()).rejects.toThrow("broke the contract of AWS");
    fake = null;
  });

  test("an operation without a handler, and one that no service has, are errors", async () => {
    const settings = await start(serve(sts, {}));
    await expect(new sts.STSClient(settings).send(new sts.GetCallerIdentityCommand({}))).rejects.toThrow(
      "no GetCallerIdentity",
    );
    await expect(
      new sqs.SQSClient(settings).send(new sqs.GetQueueUrlCommand({ QueueName: "a" })),
    ).rejects.toMatchObject({ name: "UnknownOperationException" });
    expect(() => serve(sts, { Nothing: () => ({}) } as never)).toThrow("no operation Nothing");
  });
});
