/** Records and runs of the tests of single options of rules. */
import { join } from "node:path";
import { composeReplay, type ReplayResult } from "../../../src/compose.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { createPlace, type Settings, toConfig, write } from "../make.ts";

/** A call of one user at a minute past eight; `more` stands over what it says itself. */
export function recordAt(minute: number, more: Readonly<Record<string, unknown>>): unknown {
  return {
    eventVersion: "1.11",
    eventID: `event-${minute}`,
    eventTime: `2026-03-10T08:${String(minute).padStart(2, "0")}:00Z`,
    eventSource: "ec2.amazonaws.com",
    eventName: "RunInstances",
    awsRegion: "eu-west-1",
    sourceIPAddress: "192.0.2.1",
    recipientAccountId: "111122223333",
    userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
    ...more,
  };
}

/** A rule of single events, to be counted by others: it matches what `recordAt` makes. */
export const LAUNCHES = `title: Launches
name: launches
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9b01
status: experimental
logsource: {product: aws, service: cloudtrail}
detection:
  launch: {eventName: RunInstances}
  condition: launch
`;

/** What the rules of one file say of the records of one file, and the signals on the way. */
export async function replayRules(
  rules: string,
  records: readonly unknown[],
  settings: Settings = {},
): Promise<ReplayResult & { readonly signals: readonly Signal[] }> {
  const place = createPlace();
  const path = write(join(place.root, "own.yml"), rules);
  write(join(place.input, "a.json"), JSON.stringify({ Records: records }));
  const signals: Signal[] = [];
  const result = await composeReplay({
    config: toConfig(place, settings),
    paths: [place.input],
    rulePaths: [path],
    latenessMs: null,
    emit: (signal) => void signals.push(signal),
    signal: new AbortController().signal,
  });
  return { ...result, signals };
}
