/**
 * GuardDuty as AWS answers it: one detector, findings listed by updatedAt, at most 50 a call, an empty token on the last page.
 */
import * as guardduty from "@aws-sdk/client-guardduty";
import { type Call, FakeError, serve, type Served } from "./service.ts";

/** A finding as the API spells it on the wire, camelCase. */
export type WireFinding = Readonly<Record<string, unknown>> & { readonly id: string; readonly updatedAt: string };

export type Detector = {
  readonly id: string;
  readonly status?: "ENABLED" | "DISABLED";
  readonly publishes?: "FIFTEEN_MINUTES" | "ONE_HOUR" | "SIX_HOURS";
};

/** Serves `detector` (null: GuardDuty is off) and the findings that `findingsOf` gives for a Region and who asks. */
export function serveGuardDuty(
  detector: Detector | null,
  findingsOf: (region: string, call: Call) => readonly WireFinding[],
): Served {
  const check = (id: string | undefined): void => {
    if (id !== detector?.id)
      throw new FakeError(
        "BadRequestException",
        "The request is rejected because the input detectorId is not owned by the current account.",
      );
  };
  return serve(
    guardduty,
    {
      ListDetectors: () => ({ DetectorIds: detector === null ? [] : [detector.id] }),
      GetDetector: ({ DetectorId }) => {
        check(DetectorId);
        return {
          ServiceRole:
            "arn:aws:iam::111122223333:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
          Status: detector?.status ?? "ENABLED",
          FindingPublishingFrequency: detector?.publishes ?? "FIFTEEN_MINUTES",
        };
      },
      ListFindings: ({ DetectorId, FindingCriteria, SortCriteria, MaxResults = 50, NextToken }, call) => {
        check(DetectorId);
        if (MaxResults < 1 || MaxResults > 50) throw new FakeError("BadRequestException", "maxResults is 1 to 50");
        const sinceMs = FindingCriteria?.Criterion?.["updatedAt"]?.GreaterThanOrEqual ?? -Infinity;
        const sign = SortCriteria?.OrderBy === "DESC" ? -1 : 1;
        const found = findingsOf(call.region, call)
          .filter(({ updatedAt }) => Date.parse(updatedAt) >= sinceMs)
          .toSorted((a, b) => sign * (Date.parse(a.updatedAt) - Date.parse(b.updatedAt)));
        const at = Number(NextToken ?? 0);
        const until = at + MaxResults;
        return {
          FindingIds: found.slice(at, until).map(({ id }) => id),
          NextToken: until < found.length ? String(until) : "",
        };
      },
      GetFindings: ({ DetectorId, FindingIds = [] }, call) => {
        check(DetectorId);
        if (FindingIds.length > 50) throw new FakeError("BadRequestException", "at most 50 ids");
        const all = findingsOf(call.region, call);
        return { Findings: FindingIds.flatMap((id) => all.filter((one) => one.id === id)).map(toPascal) as never };
      },
    },
    { invalidCode: "BadRequestException" },
  );
}

/** The members of a finding that the tests use, as the client names them. */
function toPascal(finding: WireFinding): unknown {
  const { id, updatedAt, createdAt, accountId, arn, region, schemaVersion, severity, type, title, partition } = finding;
  return {
    Id: id, UpdatedAt: updatedAt, CreatedAt: createdAt, AccountId: accountId, Arn: arn, Region: region,
    SchemaVersion: schemaVersion, Severity: severity, Type: type, Title: title, Partition: partition,
    Resource: { ResourceType: "AccessKey" }, Service: { Count: 1, ServiceName: "guardduty" },
  }; // prettier-ignore
}
