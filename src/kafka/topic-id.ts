/**
 * Ids of topics, by which one that was deleted and made anew under its name is told from what it was.
 *
 * kafkajs knows no version of Metadata that has them (KIP-516: from 10 on, Kafka 2.8), so the question is put and the answer
 * read here, over a connection of its own cluster. Brokers that are older have none.
 * https://kafka.apache.org/protocol#The_Messages_Metadata
 */
import type { KafkaConnection } from "./connection.ts";

const METADATA = { apiKey: 3, apiVersion: 10, apiName: "Metadata" } as const;
const ID_BYTES = 16;
const NO_ID = "0".repeat(2 * ID_BYTES);
const MAKES_CLUSTER = "private:Kafka:createCluster";

/** What kafkajs takes for its Encoder. */
type Encoded = { readonly buf: Buffer; readonly buffer: Buffer };
type Request = {
  readonly request: typeof METADATA & { readonly encode: () => Promise<Encoded> };
  readonly response: {
    readonly decode: (bytes: Buffer) => Promise<Answer>;
    readonly parse: (answer: Answer) => Promise<Answer>;
  };
};
type Answer = ReadonlyMap<string, string>;
type Broker = {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>> | null;
  readonly connectionPool: { send(request: Request): Promise<Answer> };
};
type Cluster = {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  readonly brokerPool: { findConnectedBroker(): Promise<Broker> };
};

/** Ids by topic, hexadecimal; without those that are not there, not allowed, or of a broker that knows no ids. */
export async function readTopicIds({ kafka }: KafkaConnection, topics: readonly string[]): Promise<Answer> {
  const makes = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === MAKES_CLUSTER);
  if (makes === undefined) throw new Error("kafkajs makes no cluster as it used to");
  const make = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[makes];
  const cluster = (make as (options: object) => Cluster)({ metadataMaxAge: 0, allowAutoTopicCreation: false });
  try {
    await cluster.connect();
    const { versions, connectionPool } = await cluster.brokerPool.findConnectedBroker();
    if ((versions?.[METADATA.apiKey]?.maxVersion ?? 0) < METADATA.apiVersion) return new Map();
    return await connectionPool.send(toRequest(topics));
  } finally {
    void cluster.disconnect().catch(() => undefined);
  }
}

function toRequest(topics: readonly string[]): Request {
  const question = writeQuestion(topics);
  return {
    request: { ...METADATA, encode: async () => ({ buf: question, buffer: question }) },
    response: { decode: async (bytes) => readAnswer(bytes), parse: async (answer) => answer },
  };
}

/** The tags of the request's head, the topics, no topic made, no list of what is allowed, no tags. */
function writeQuestion(topics: readonly string[]): Buffer {
  const named = topics.map((topic) => {
    const name = Buffer.from(topic);
    return Buffer.concat([Buffer.alloc(ID_BYTES), toVarint(name.length + 1), name, Buffer.alloc(1)]);
  });
  return Buffer.concat([Buffer.alloc(1), toVarint(topics.length + 1), ...named, Buffer.alloc(4)]);
}

function toVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A place in the answer that goes on as it is read. Throws where the answer is too short. */
type Place = { readonly bytes: Buffer; at: number };

function readAnswer(bytes: Buffer): Answer {
  const place: Place = { bytes, at: 0 };
  passTags(place);
  place.at += 4;
  each(place, () => {
    place.at += 4;
    readText(place);
    place.at += 4;
    readText(place);
    passTags(place);
  });
  readText(place);
  place.at += 4;
  const ids = new Map<string, string>();
  each(place, () => {
    place.at += 2;
    const name = readText(place);
    const id = bytes.toString("hex", place.at, place.at + ID_BYTES);
    place.at += ID_BYTES + 1;
    each(place, () => passPartition(place));
    place.at += 4;
    passTags(place);
    if (id !== NO_ID) ids.set(name, id);
  });
  return ids;
}

/** Error, number, leader, its epoch, and three lists of replicas. */
function passPartition(place: Place): void {
  place.at += 14;
  for (let list = 0; list < 3; list += 1) each(place, () => void (place.at += 4));
  passTags(place);
}

function each(place: Place, read: () => void): void {
  const count = readVarint(place) - 1;
  if (count > place.bytes.length) throw new Error("an answer about topics that is cut off");
  for (let left = count; left > 0; left -= 1) read();
}

function readText(place: Place): string {
  const length = Math.max(0, readVarint(place) - 1);
  place.at += length;
  return place.bytes.toString("utf8", place.at - length, place.at);
}

function passTags(place: Place): void {
  for (let left = readVarint(place); left > 0; left -= 1) {
    readVarint(place);
    const length = readVarint(place);
    place.at += length;
  }
}

function readVarint(place: Place): number {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = place.bytes.readUInt8(place.at);
    place.at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
}
