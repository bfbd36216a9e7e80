/**
 * How the simulator's tests look at its output: files as parsed records, and the questions that rules ask.
 *
 * Reading goes through JSON.parse of the very bytes that would be written, so that a broken record cannot hide.
 */
import { createSimulation, type SimulationOptions } from "../../src/simulate/simulation.ts";

/** A record as parsed; only what the tests ask for. */
export type ParsedRecord = {
  readonly eventVersion: string;
  readonly eventID: string;
  readonly eventTime: string;
  readonly eventName?: string;
  readonly eventSource?: string;
  readonly eventType: string;
  readonly eventCategory: string;
  readonly awsRegion: string;
  readonly sourceIPAddress?: string;
  readonly userAgent?: string;
  readonly errorCode?: string;
  readonly readOnly?: boolean;
  readonly recipientAccountId: string;
  readonly requestParameters?: Readonly<Record<string, unknown>> | null;
  readonly responseElements?: Readonly<Record<string, unknown>> | null;
  readonly userIdentity?: {
    readonly type?: string;
    readonly arn?: string;
    readonly accountId?: string;
    readonly invokedBy?: string;
    readonly sessionContext?: { readonly sessionIssuer?: { readonly arn?: string; readonly principalId?: string } };
  };
};

/** A file with its records parsed. */
export type ParsedFile = {
  readonly path: string;
  readonly slotMs: number;
  readonly accountId: string;
  readonly region: string;
  readonly copies: number;
  readonly records: readonly ParsedRecord[];
  readonly texts: readonly string[];
};

/** Options of a small run; tests change what they are about. */
export const SMALL: SimulationOptions = { seed: 11, records: 3000, attacks: [] };

/** All files of a run. */
export function readFiles(options: SimulationOptions): readonly ParsedFile[] {
  return [...createSimulation(options).files()].map((file) => {
    const texts = file.records.map(({ text }) => text);
    const { path, slotMs, accountId, region, copies } = file;
    return {
      path,
      slotMs,
      accountId,
      region,
      copies,
      texts,
      records: texts.map((text) => JSON.parse(text) as ParsedRecord),
    };
  });
}

/** All records of a run, copies left out. */
export function readRecords(options: SimulationOptions): readonly ParsedRecord[] {
  const found = new Map(
    readFiles(options).flatMap(({ records }) => records.map((record) => [record.eventID, record] as const)),
  );
  return [...found.values()];
}

/** The principal as an alert names it: the role behind a session, else the ARN, else the service. */
export function principalOf(record: ParsedRecord): string {
  const identity = record.userIdentity;
  return identity?.sessionContext?.sessionIssuer?.arn ?? identity?.arn ?? identity?.invokedBy ?? "";
}

/** The value at a share of the sorted list, 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
