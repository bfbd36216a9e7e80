/**
 * Where an emulator is known not to behave as AWS does, as far as our behaviours show it: the table of docs/peers.md.
 *
 * Each entry is held to: that behaviour must fail there, in the way that `seen` matches. One that passes, or fails in another
 * way, makes the suite red, so that the table can be neither longer nor shorter than the truth.
 */
import type { WorldName } from "./world.ts";

export type Difference = {
  readonly behaviour: string;
  readonly world: WorldName;
  /** What the failure says. */
  readonly seen: RegExp;
  /** What the table says. */
  readonly what: string;
};

const NOTICE = "fauxqs takes the configuration and sends nothing; tests send what test/fakes/s3-notices.ts makes";
const NO_RULES = "our fake takes PutEvents alone; rules are none";
const NO_OPERATION = /UnknownError|no PutRule/;
const LATE = /too little came in time/;

export const DIFFERENCES: readonly Difference[] = [
  // Our own.
  {
    world: "own",
    behaviour: "sqs-eventbridge: what a rule of a bus hands on is read",
    seen: NO_OPERATION,
    what: NO_RULES,
  },
  { world: "own", behaviour: "sqs-s3: S3 tells the queue itself", seen: LATE, what: NOTICE },
  {
    world: "own",
    behaviour: "sqs-s3: S3 tells with a test event first, and with a sequencer",
    seen: LATE,
    what: NOTICE,
  },
  { world: "own", behaviour: "sqs-s3: S3 tells a key with letters of every kind", seen: LATE, what: NOTICE },
  { world: "own", behaviour: "sqs-s3: S3 tells by a topic", seen: LATE, what: NOTICE },
  { world: "own", behaviour: "sqs-s3: S3 tells by EventBridge", seen: NO_OPERATION, what: NO_RULES },
  {
    world: "own",
    behaviour: "eventbridge sink: a playbook's pattern gets the first revision of an alert alone",
    seen: NO_OPERATION,
    what: NO_RULES,
  },
  {
    world: "own",
    behaviour: "eventbridge sink: what goes on says of which account and Region it is",
    seen: NO_OPERATION,
    what: NO_RULES,
  },
  // MiniStack.
  {
    world: "ministack",
    behaviour: "kinesis: a split shard is read to its end, then its children",
    seen: LATE,
    what: "a split deletes the parent with its records",
  },
  {
    world: "ministack",
    behaviour: "cloudtrail-lookup: more calls than a page are read, page by page",
    seen: LATE,
    what: "no NextToken: of more than 50 calls the rest cannot be had",
  },
  {
    world: "ministack",
    behaviour: "guardduty: a finding of the detector is read",
    seen: NO_OPERATION,
    what: "no GuardDuty",
  },
  {
    world: "ministack",
    behaviour: "cost: a day's costs are read by service",
    seen: /cannot be planted/,
    what: "no Cost Explorer",
  },
  {
    world: "ministack",
    behaviour: "cost: anomalies that AWS found are asked for without a warning",
    seen: /cannot be planted/,
    what: "no Cost Explorer",
  },
  {
    world: "ministack",
    behaviour: "security-hub sink: a later revision updates the finding",
    seen: /unknown/,
    what: "no Security Hub",
  },
  {
    world: "ministack",
    behaviour: "security-hub sink: a finding of another account is refused",
    seen: /unknown/,
    what: "no Security Hub",
  },
  // moto.
  {
    world: "moto",
    behaviour: "eventbridge sink: what goes on says of which account and Region it is",
    seen: /account/,
    what: "an envelope has no `account`",
  },
  {
    world: "moto",
    behaviour: "sqs-s3: S3 tells with a test event first, and with a sequencer",
    seen: /to match/,
    what: "no sequencer",
  },
  {
    world: "moto",
    behaviour: "cloudtrail-lookup: calls of the last minutes are read",
    seen: LATE,
    what: "no LookupEvents: it answers 500",
  },
  {
    world: "moto",
    behaviour: "cloudtrail-lookup: more calls than a page are read, page by page",
    seen: LATE,
    what: "no LookupEvents: it answers 500",
  },
  {
    world: "moto",
    behaviour: "guardduty: a finding of the detector is read",
    seen: /SyntaxError/,
    what: "detectors without findings: it answers 404",
  },
  {
    world: "moto",
    behaviour: "security-hub sink: a finding of another account is refused",
    seen: /accepted/,
    what: "findings are not checked",
  },
];
