/**
 * What a source over a queue needs of AWS, and what can be tried of it without taking a message.
 *
 * Deleting and extending are tried with a receipt handle that SQS never gave: it refuses the handle when it has allowed the
 * action, and no message is touched. Receiving cannot be tried: it counts towards the dead-letter queue.
 */
import { codeOf } from "../../aws/errors.ts";
import { keyNeed, type Need, queueAccount, queueArn, toCaller, withCaller } from "../../aws/needs.ts";
import { identityProbes, notTried, toFailure, withClient } from "../../aws/probes.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { createQueueAws, queueName, type QueueSettings } from "./settings.ts";

/** Below it messages of a long weekend's outage are lost. */
const RETENTION_LEAST_S = 4 * 86_400;
const NO_HANDLE = "sagewatch-doctor-no-such-receipt-handle";

/** Needs of reading a queue. Errors by code: config_invalid. */
export function queueNeeds(settings: QueueSettings): readonly Need[] {
  const { queue, region } = settings;
  const resource = queueArn(queue, region);
  return withCaller(toCaller(settings, queueAccount(queue)), [
    { action: "sqs:ReceiveMessage", resource, why: "to read the queue" },
    { action: "sqs:DeleteMessage", resource, why: "to take a message off when all it brought is committed" },
    {
      action: "sqs:ChangeMessageVisibility",
      resource,
      why: "to keep a message while it is worked on, and to give it back",
    },
    {
      action: "sqs:GetQueueAttributes",
      resource,
      why: "for `sagewatch doctor`: dead-letter queue, retention, visibility; and after an outage, to tell what the queue has no more",
    },
    keyNeed("kms:Decrypt", "sqs", region),
  ]);
}

/** Needs of a canary on the queue. Errors by code: config_invalid. */
export function canaryNeeds(settings: QueueSettings): readonly Need[] {
  const { queue, region } = settings;
  return withCaller(toCaller(settings, queueAccount(queue)), [
    {
      action: "sqs:SendMessage",
      resource: queueArn(queue, region),
      why: "for the canary, where `canary` is set: a harmless event on the source's own queue",
    },
    keyNeed("kms:GenerateDataKey", "sqs", region),
  ]);
}

/** Probes of a canary. */
export function canaryProbes({ name, queue }: QueueSettings & { readonly name: string }): readonly Probe[] {
  const why = "it would put a message on the queue; a running daemon raises sagewatch.canary_missing when it is denied";
  return [
    {
      name: `source ${name}: canary`,
      run: async () => notTried(`sqs:SendMessage on ${queueName(queue)}`, why),
    },
  ];
}

/** Probes of a queue. Errors by code: config_invalid. */
export function queueProbes(settings: QueueSettings & { readonly name: string }): readonly Probe[] {
  const { name, queue } = settings;
  return [
    ...identityProbes(settings, queueAccount(queue)),
    { name: `source ${name}: queue`, run: (by) => probeQueue(settings, by) },
    { name: `source ${name}: delete`, run: (by) => probeHandle(settings, "DeleteMessage", by) },
    { name: `source ${name}: extend`, run: (by) => probeHandle(settings, "ChangeMessageVisibility", by) },
    {
      name: `source ${name}: receive`,
      run: async () =>
        notTried(
          `sqs:ReceiveMessage on ${queueName(queue)}`,
          "receiving hides messages and counts towards the dead-letter queue; a running daemon warns when it is denied",
        ),
    },
  ];
}

async function probeQueue(settings: QueueSettings, by: ProbeBy): Promise<Finding> {
  const { SQSClient, GetQueueAttributesCommand } = await import("@aws-sdk/client-sqs");
  const aws = createQueueAws(settings, by.clock);
  const { queue: QueueUrl } = settings;
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] });
  const call = { service: "sqs", operation: "GetQueueAttributes", resource: QueueUrl };
  const opened = { aws, type: SQSClient, extra: { useQueueUrlAsEndpoint: false } };
  const { Attributes = {} } = await withClient(opened, by, (ask) =>
    ask(call, (client, abortSignal) => client.send(command, { abortSignal })),
  );
  const { ApproximateNumberOfMessages: waiting = "?", ApproximateNumberOfMessagesNotVisible: taken = "?" } = Attributes;
  const did = `sqs:GetQueueAttributes: ${queueName(QueueUrl)} is there, ${waiting} messages wait, ${taken} are in flight`;
  return { status: "ok", did, notes: toNotes(Attributes, settings) };
}

/** What a queue is set up for otherwise than docs/aws-sources.md says. */
function toNotes(attributes: Readonly<Record<string, string>>, { visibility }: QueueSettings): readonly string[] {
  const notes: string[] = [];
  const receives = Number(/"maxReceiveCount"\s*:\s*"?(\d+)/.exec(attributes["RedrivePolicy"] ?? "")?.[1]);
  if (Number.isNaN(receives))
    notes.push(
      "no dead-letter queue: a message that always fails comes for ever; set a redrive policy with maxReceiveCount 5",
    );
  else if (receives < 3)
    notes.push(`maxReceiveCount is ${receives}: a restart or two sends good messages to the dead-letter queue; set 5`);
  const retention = Number(attributes["MessageRetentionPeriod"]);
  if (retention < RETENTION_LEAST_S)
    notes.push(
      `messages are kept for ${Math.round(retention / 3600)} h: a longer outage loses them; set MessageRetentionPeriod to 14 days`,
    );
  const hidden = Number(attributes["VisibilityTimeout"]);
  if (hidden * 1000 < visibility / 2)
    notes.push(
      `the queue's own visibility is ${hidden} s; receives ask for ${visibility / 1000} s, so only other readers notice`,
    );
  return notes;
}

async function probeHandle(
  settings: QueueSettings,
  operation: "DeleteMessage" | "ChangeMessageVisibility",
  by: ProbeBy,
): Promise<Finding> {
  const sdk = await import("@aws-sdk/client-sqs");
  const { queue: QueueUrl } = settings;
  const entry = { Id: "doctor", ReceiptHandle: NO_HANDLE };
  const aws = createQueueAws(settings, by.clock);
  const call = { service: "sqs", operation, resource: QueueUrl };
  const did = `sqs:${operation} is allowed (asked with a receipt handle that no message has)`;
  try {
    await withClient({ aws, type: sdk.SQSClient, extra: { useQueueUrlAsEndpoint: false } }, by, (ask) =>
      ask<unknown>(call, (client, abortSignal) =>
        operation === "DeleteMessage"
          ? client.send(new sdk.DeleteMessageBatchCommand({ QueueUrl, Entries: [entry] }), { abortSignal })
          : client.send(
              new sdk.ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: [{ ...entry, VisibilityTimeout: 0 }] }),
              { abortSignal },
            ),
      ),
    );
  } catch (error) {
    const code = codeOf((error as Error).cause);
    if (!/^(ReceiptHandleIsInvalid|InvalidParameterValue|MessageNotInflight)/.test(code)) return toFailure(error);
  }
  return { status: "ok", did };
}
