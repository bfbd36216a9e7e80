/**
 * What lies among the CloudTrail records of a chaos run: findings, envelopes of other kinds, items that are no records.
 *
 * A file of mixed kinds is handed on as more than one batch, and part of it is rejected or skipped: a crash between any
 * two of these must not count a record twice or not at all. Each item says what must become of it.
 */
import { decoders } from "../../src/decode/registry.ts";
import { toUtcText } from "../../src/lib/clock.ts";
import type { Random } from "../../src/lib/random.ts";
import type { Kind, Reason, SkipReason } from "../../src/model/event.ts";

/** What must become of an item: its record is evaluated, or it is rejected or skipped. */
export type Outcome =
  | { readonly is: "evaluated"; readonly kind: Kind; readonly record: Uint8Array }
  | { readonly is: "quarantined"; readonly reason: Reason }
  | { readonly is: "skipped"; readonly reason: SkipReason };

/** An item of a file, as its bytes stand there. */
export type Item = { readonly bytes: Uint8Array; readonly outcome: Outcome };

/** Totals that a run must show, by source reason. */
export type Totals = {
  read: number;
  evaluated: number;
  readonly quarantined: Record<string, number>;
  readonly skipped: Record<string, number>;
};

/** How often something else follows a record, in a file that is mixed. */
const SHARE = 0.15;
/** How often a finding comes again, revised. */
const REVISED = 0.3;

/** A record, and now and then something after it. The time of a finding is near that of the record before it. */
export function mix(record: Uint8Array, random: Random, isMixed: boolean): Item[] {
  const item: Item = { bytes: record, outcome: { is: "evaluated", kind: "cloudtrail", record } };
  if (!isMixed || !random.chance(SHARE)) return [item];
  const make = random.weighted<() => Item[]>([
    [6, () => findings(record, random)],
    [
      1,
      () => [toItem({ "detail-type": "Scheduled Event", source: "aws.events", account: "111122223333", detail: {} })],
    ],
    [1, () => [toPoison("unknown_kind", { note: random.hex(8) })]],
    [1, () => [toPoison("schema", { schemaVersion: "2.0", id: random.hex(8), type: "X:Y/Z", service: { count: 1 } })]],
  ]);
  return [item, ...make()];
}

/** A digest file's only item. */
export function digest(hour: number): Item {
  const pad = String(hour).padStart(2, "0");
  const text = { digestStartTime: `2026-03-10T${pad}:00:00Z`, digestEndTime: `2026-03-10T${pad}:59:59Z`, logFiles: [] };
  return { bytes: toBytes(text), outcome: { is: "skipped", reason: "digest_file" } };
}

/** Sums of what must become of items. */
export function toTotals(items: readonly Item[]): Totals {
  const totals: Totals = { read: 0, evaluated: 0, quarantined: {}, skipped: {} };
  for (const { outcome } of items) {
    totals.read += 1;
    if (outcome.is === "evaluated") totals.evaluated += 1;
    else totals[outcome.is][outcome.reason] = (totals[outcome.is][outcome.reason] ?? 0) + 1;
  }
  return totals;
}

/** Records of a kind among items. */
export function recordsOf(items: readonly Item[], kind: Kind): Uint8Array[] {
  return items.flatMap(({ outcome }) => (outcome.is === "evaluated" && outcome.kind === kind ? [outcome.record] : []));
}

/** A finding about whoever made the call, bare or in its envelope, perhaps with a later version of it. */
function findings(call: Uint8Array, random: Random): Item[] {
  const event = decoders.cloudtrail.decode(call, { nowMs: null, duplicateKeys: false });
  if ("reason" in event) return [];
  const { accountId, region, principal, timeMs } = event;
  const id = random.hex(32);
  const versions = random.chance(REVISED) ? [0, 60_000] : [0];
  return versions.map((afterMs, at) => {
    const detail = {
      schemaVersion: "2.0",
      accountId,
      region,
      id,
      type: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
      resource: { resourceType: "AccessKey", accessKeyDetails: { principalId: principal.id, userType: "AssumedRole" } },
      service: { serviceName: "guardduty", count: at + 1 },
      severity: 8,
      updatedAt: toUtcText(timeMs + random.int(0, 20) * 1000 + afterMs),
    };
    const record = toBytes(detail);
    const envelope = { version: "0", id: random.uuid(), "detail-type": "GuardDuty Finding", source: "aws.guardduty" };
    const bytes = random.chance(0.5) ? record : toBytes({ ...envelope, account: accountId, region, detail });
    return { bytes, outcome: { is: "evaluated", kind: "guardduty", record } };
  });
}

function toItem(envelope: unknown): Item {
  return { bytes: toBytes(envelope), outcome: { is: "skipped", reason: "envelope" } };
}

function toPoison(reason: Reason, text: unknown): Item {
  return { bytes: toBytes(text), outcome: { is: "quarantined", reason } };
}

function toBytes(text: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(text));
}
