/**
 * All sinks by the `type:` of the config file. A new sink is one file beside this one and one line here.
 */
import type { Sink } from "../contracts.ts";
import { eventBridgeSink, type EventBridgeSinkConfig } from "./aws/eventbridge.ts";
import { securityHubSink, type SecurityHubSinkConfig } from "./aws/security-hub.ts";
import { snsSink, type SnsSinkConfig } from "./aws/sns.ts";
import { sqsSink, type SqsSinkConfig } from "./aws/sqs.ts";
import { consoleSink, type ConsoleSinkConfig } from "./console.ts";
import { elasticSink, type ElasticSinkConfig } from "./elastic/elastic.ts";
import { fileSink, type FileSinkConfig } from "./file.ts";
import { kafkaSink, type KafkaSinkConfig } from "./kafka.ts";
import { pagerDutySink, type PagerDutySinkConfig } from "./pagerduty.ts";
import type { SinkDeps, SinkType } from "./settings.ts";
import { slackSink, type SlackSinkConfig } from "./slack/slack.ts";
import { splunkHecSink, type SplunkHecSinkConfig } from "./splunk/hec.ts";
import { webhookSink, type WebhookSinkConfig } from "./webhook.ts";

export type { SinkDeps };

/** Settings of any sink, with their defaults filled in. */
export type SinkConfig =
  | ConsoleSinkConfig
  | FileSinkConfig
  | KafkaSinkConfig
  | EventBridgeSinkConfig
  | SecurityHubSinkConfig
  | SnsSinkConfig
  | SqsSinkConfig
  | WebhookSinkConfig
  | SplunkHecSinkConfig
  | ElasticSinkConfig
  | PagerDutySinkConfig
  | SlackSinkConfig;

/** Schema and factory of each type. */
export const sinkRegistry: { readonly [Type in SinkConfig["type"]]: SinkType<Extract<SinkConfig, { type: Type }>> } = {
  console: consoleSink,
  file: fileSink,
  kafka: kafkaSink,
  eventbridge: eventBridgeSink,
  "security-hub": securityHubSink,
  sns: snsSink,
  sqs: sqsSink,
  webhook: webhookSink,
  "splunk-hec": splunkHecSink,
  elastic: elasticSink,
  pagerduty: pagerDutySink,
  slack: slackSink,
};

/** The sink that a checked config asks for. */
export function createSink(config: SinkConfig, deps: SinkDeps): Sink {
  const type = sinkRegistry[config.type] as SinkType<SinkConfig>;
  return type.create(config, deps);
}
