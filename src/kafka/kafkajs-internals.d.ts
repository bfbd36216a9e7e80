/** The files of kafkajs that ./patch.ts, ./fetched.ts and ./connection.ts reach into; the package has no types for them. */
declare module "kafkajs/src/network/requestQueue/index.js" {
  type Queue = { readonly pending: readonly unknown[]; scheduleCheckPendingRequests: (this: Queue) => void };
  const RequestQueue: { readonly prototype: Queue };
  export = RequestQueue;
}
declare module "kafkajs/src/cluster/index.js" {
  type Request = { readonly groupId: string; readonly coordinatorType: number };
  type Broker = { findGroupCoordinator(request: Request): Promise<unknown> };
  type Cluster = {
    readonly brokerPool: { findConnectedBroker(): Promise<Broker> };
    findGroupCoordinatorMetadata: (this: Cluster, request: Request) => Promise<unknown>;
  };
  const Cluster: { readonly prototype: Cluster };
  export = Cluster;
}
declare module "kafkajs/src/broker/saslAuthenticator/oauthBearer.js" {
  import type { AuthenticationProviderArgs, Authenticator } from "kafkajs";
  type Sasl = { readonly oauthBearerProvider: () => Promise<{ value: string }> };
  const provider: (sasl: Sasl) => (by: AuthenticationProviderArgs) => Authenticator;
  export = provider;
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
declare module "kafkajs/src/protocol/requests/fetch/v11/response.js" {
  const response: { decode: (bytes: Buffer) => Promise<object> };
  export = response;
}
declare module "kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js" {
  import type { KafkaMessage } from "kafkajs";
  import type Decoder from "kafkajs/src/protocol/decoder.js";
  const decode: (decoder: Decoder) => Promise<readonly KafkaMessage[]>;
  export = decode;
}
declare module "kafkajs/src/protocol/decoder.js" {
  class Decoder {
    constructor(buffer: Buffer);
    readonly buffer: Buffer;
    offset: number;
    readInt16(): number;
    readInt32(): number;
    readInt64(): bigint;
    readString(): string;
    readArray<T>(read: (decoder: Decoder) => T): T[];
    readArrayAsync<T>(read: (decoder: Decoder) => Promise<T>): Promise<T[]>;
  }
  export = Decoder;
}
declare module "kafkajs/src/protocol/recordBatch/v0/decoder.js" {
  import type { KafkaMessage } from "kafkajs";
  import type Decoder from "kafkajs/src/protocol/decoder.js";
  const decode: (decoder: Decoder) => Promise<{ readonly records: readonly KafkaMessage[] }>;
  export = decode;
}
