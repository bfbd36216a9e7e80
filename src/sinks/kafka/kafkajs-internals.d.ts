/** The files of kafkajs that ./patch.ts reaches into; the package has no types for them. */
declare module "kafkajs/src/network/requestQueue/index.js" {
  type Queue = { readonly pending: readonly unknown[]; scheduleCheckPendingRequests: (this: Queue) => void };
  const RequestQueue: { readonly prototype: Queue };
  export = RequestQueue;
}
declare module "kafkajs/src/protocol/requests/metadata/v5/response.js" {
  type Topic = { topicErrorCode: number; partitionMetadata: readonly { partitionErrorCode: number }[] };
  const response: { parse: (metadata: { topicMetadata: readonly Topic[] }) => Promise<unknown> };
  export = response;
}
declare module "kafkajs/src/protocol/requests/metadata/v6/response.js" {
  type Topic = { topicErrorCode: number; partitionMetadata: readonly { partitionErrorCode: number }[] };
  const response: { parse: (metadata: { topicMetadata: readonly Topic[] }) => Promise<unknown> };
  export = response;
}
