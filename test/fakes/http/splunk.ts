/**
 * A Splunk HTTP Event Collector: tokens, indexes, channels, codes and indexer acknowledgement as the real one has them.
 *
 * What a call carried is searchable once its acknowledgement was given or, without acknowledgement, at once.
 */
import { type Call, type Receiver, type ReceiverOptions, type Reply, startReceiver } from "./receiver.ts";

export const TOKEN = "b0221cd8-c4b4-465a-9a3c-273e3a75aa29";

export type Indexed = { readonly time?: number; readonly index?: string; readonly event: Record<string, unknown> };
export type Splunk = Receiver & {
  readonly indexed: Indexed[];
  readonly texts: string[];
  readonly state: {
    isDisabled: boolean;
    isAckOn: boolean;
    /** Questions that are answered with false before a call counts as indexed. */
    falseAcks: number;
    /** Calls that are taken and never indexed. */
    lost: number;
    maxBytes: number;
  };
};

const say = ([status, code, text]: readonly [number, number, string], more: object = {}): Reply => ({
  status,
  body: JSON.stringify({ text, code, ...more }),
});
const isGuid = (text: unknown): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(text));

export async function startSplunk(options: ReceiverOptions = {}): Promise<Splunk> {
  const indexed: Indexed[] = [];
  const texts: string[] = [];
  const state = { isDisabled: false, isAckOn: true, falseAcks: 0, lost: 0, maxBytes: Infinity };
  const open = new Map<string, { events: Indexed[]; asked: number; isLost: boolean }>();
  let calls = 0;
  const refusal = ({ method, headers }: Call): Reply | null => {
    const { authorization } = headers;
    if (method !== "POST") return say([405, 405, "Method Not Allowed"]);
    if (authorization === undefined) return say([401, 2, "Token is required"]);
    if (!authorization.startsWith("Splunk ")) return say([401, 3, "Invalid authorization"]);
    if (authorization !== `Splunk ${TOKEN}`) return say([403, 4, "Invalid token"]);
    if (state.isDisabled) return say([403, 1, "Token disabled"]);
    if (!state.isAckOn) return null;
    const channel = headers["x-splunk-request-channel"];
    if (channel === undefined) return say([400, 10, "Data channel is missing"]);
    return isGuid(channel) ? null : say([400, 11, "Invalid data channel"]);
  };
  const take = ({ body, headers }: Call): Reply => {
    if (body.length > state.maxBytes) return { status: 413, body: "<html>too large</html>" };
    if (body === "") return say([400, 5, "No data"]);
    const events: Indexed[] = [];
    for (const [number, line] of body.split("\n").entries()) {
      const at = { "invalid-event-number": number };
      let parsed: Indexed;
      try {
        parsed = JSON.parse(line) as Indexed;
      } catch {
        return say([400, 6, "Invalid data format"], at);
      }
      if (parsed.event === undefined) return say([400, 12, "Event field is required"], at);
      if (parsed.event["title"] === "refuse me") return say([400, 15, "Error in handling indexed fields"], at);
      if (parsed.index !== undefined && parsed.index !== "security") return say([400, 7, "Incorrect index"], at);
      events.push(parsed);
    }
    texts.push(body);
    if (!state.isAckOn) {
      indexed.push(...events);
      return say([200, 0, "Success"]);
    }
    const ackId = (calls += 1);
    const isLost = state.lost > 0;
    if (isLost) state.lost -= 1;
    open.set(`${String(headers["x-splunk-request-channel"])} ${ackId}`, { events, asked: 0, isLost });
    return say([200, 0, "Success"], { ackId });
  };
  const acknowledge = ({ body, headers }: Call): Reply => {
    if (!state.isAckOn) return say([400, 14, "ACK is disabled"]);
    const { acks } = JSON.parse(body) as { acks: number[] };
    const answers = acks.map((ackId): [string, boolean] => {
      const key = `${String(headers["x-splunk-request-channel"])} ${ackId}`;
      const call = open.get(key);
      if (call === undefined || call.isLost) return [String(ackId), false];
      call.asked += 1;
      if (call.asked <= state.falseAcks) return [String(ackId), false];
      indexed.push(...call.events);
      open.delete(key);
      return [String(ackId), true];
    });
    return { status: 200, body: JSON.stringify({ acks: Object.fromEntries(answers) }) };
  };
  const receiver = await startReceiver((call) => {
    const refused = refusal(call);
    if (refused !== null) return refused;
    if (call.path === "/services/collector/event") return take(call);
    if (call.path === "/services/collector/ack") return acknowledge(call);
    return { status: 404, body: '{"text":"The requested URL was not found on this server.","code":404}' };
  }, options);
  return { ...receiver, indexed, texts, state };
}
