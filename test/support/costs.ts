/** Rows and anomalies of costs for tests, by each way on which they come. */
import type { Json, JsonObject } from "../../src/model/event.ts";

/** A row of a day as the source makes it, with the members of `other` in place. */
export function costRow(other: JsonObject = {}): JsonObject {
  return {
    TimePeriod: { Start: "2026-03-10", End: "2026-03-11" },
    Granularity: "DAILY",
    Estimated: true,
    Dimensions: { LINKED_ACCOUNT: "111122223333", SERVICE: "Amazon SageMaker" },
    Metrics: {
      UnblendedCost: { Amount: "642.1180300172", Unit: "USD" },
      UsageQuantity: { Amount: "24.5", Unit: "N/A" },
    },
    Earlier: { Periods: 14, Highest: "31.2" },
    RetrievedAt: "2026-03-11T08:00:00Z",
    ...other,
  };
}

/** An anomaly as GetAnomalies gives it, with when it was asked. The impact is that of AWS's own example. */
export function anomaly(other: JsonObject = {}): JsonObject {
  return {
    AnomalyId: "12345678-abcd-ef12-3456-987654321a12",
    AnomalyStartDate: "2026-03-09T00:00:00Z",
    AnomalyEndDate: "2026-03-10T00:00:00Z",
    DimensionValue: "Amazon Elastic Compute Cloud - Compute",
    RootCauses: [
      {
        Service: "Amazon Elastic Compute Cloud - Compute",
        Region: "us-west-2",
        LinkedAccount: "444455556666",
        LinkedAccountName: "research",
        UsageType: "USW2-BoxUsage:p4d.24xlarge",
        Impact: { Contribution: 1001 },
      },
    ],
    AnomalyScore: { MaxScore: 0.47, CurrentScore: 0.47 },
    Impact: {
      MaxImpact: 151,
      TotalImpact: 1001,
      TotalActualSpend: 1301,
      TotalExpectedSpend: 300,
      TotalImpactPercentage: 333.67,
    },
    MonitorArn: "arn:aws:ce::111122223333:anomalymonitor/abcdef12-1234-4ea0-84cc-918a97d736ef",
    RetrievedAt: "2026-03-11T08:00:00Z",
    ...other,
  };
}

/** The same as EventBridge brings it. https://docs.aws.amazon.com/cost-management/latest/userguide/cad-eventbridge.html */
export function envelopeOf(of: JsonObject): JsonObject {
  const { RetrievedAt: _asked, ...rest } = of;
  return {
    version: "0",
    id: "1c6d0f50-9d2c-4a0c-9e64-3d1b7c0a5f11",
    "detail-type": "Anomaly Detected",
    source: "aws.ce",
    account: "111122223333",
    time: "2026-03-11T06:00:00Z",
    region: "us-east-1",
    resources: [of["MonitorArn"] ?? ""],
    detail: toCamel(rest, "dimensionValue"),
  };
}

/** The same as SNS brings it: without a time of its own, and another name for the dimension's value. */
export function snsBodyOf(of: JsonObject): JsonObject {
  const { RetrievedAt: _asked, ...rest } = of;
  return toCamel(rest, "dimensionalValue") as JsonObject;
}

function toCamel(value: Json, dimension: string): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => toCamel(item, dimension));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, inner]) => [
      key === "DimensionValue" ? dimension : key.charAt(0).toLowerCase() + key.slice(1),
      toCamel(inner, dimension),
    ]),
  );
}
