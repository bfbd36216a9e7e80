/**
 * Slack's `chat.postMessage` and an incoming webhook: token, channel and blocks as the real one wants them, and what of a
 * message would come alive in a client.
 */
import { type Call, type Receiver, type Reply, startReceiver } from "./receiver.ts";

// Made up of parts, so that no scanner takes it for a real one.
export const BOT_TOKEN: string = ["xoxb", "1111", "planted"].join("-");
export const CHANNEL = "C0123456789";
export const HOOK_PATH = "/services/T0/B0/planted";

type Text = { readonly type: string; readonly text: string; readonly emoji?: boolean; readonly verbatim?: boolean };
type Block = {
  readonly type: string;
  readonly text?: Text;
  readonly fields?: readonly Text[];
  readonly elements?: readonly Text[];
};
export type Message = {
  readonly channel?: string;
  readonly text: string;
  readonly parse?: string;
  readonly mrkdwn?: boolean;
  readonly attachments: readonly {
    readonly color: string;
    readonly fallback: string;
    readonly blocks: readonly Block[];
  }[];
  readonly metadata?: { readonly event_payload: { readonly id: string; readonly revision: number } };
};
export type Slack = Receiver & {
  readonly messages: Message[];
  readonly bodies: string[];
  readonly state: { error: string | null };
};

export const textsOf = ({ attachments }: Message): readonly Text[] =>
  attachments.flatMap(({ blocks }) =>
    blocks.flatMap(({ text, fields = [], elements = [] }) => [...(text ? [text] : []), ...fields, ...elements]),
  );

/** Mentions, links, markup and emoji that a client would make of a message. */
export function aliveIn(message: Message): string[] {
  const entity = /<[^>]*>/g;
  const above = [
    ...(message.text.match(entity) ?? []),
    ...(message.parse === "none" ? [] : (message.text.match(/https?:\/\/\S+/g) ?? [])),
    ...(message.mrkdwn === false ? [] : (message.text.match(/[*_~`]/g) ?? [])),
  ];
  return [
    ...above,
    ...textsOf(message).flatMap(({ type, text, emoji }) => [
      ...(text.match(entity) ?? []),
      ...(type === "plain_text" ? [] : [`markup: ${text}`]),
      ...(emoji === false ? [] : (text.match(/:[a-z_]+:/g) ?? [])),
    ]),
  ];
}

/** What Slack shows a reader of an escaped text. */
export function shown(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function areBlocksValid({ attachments }: Message): boolean {
  return attachments.every(({ blocks }) =>
    blocks.every(
      ({ text, fields = [], elements = [] }) =>
        fields.length <= 10 &&
        (text === undefined || (text.text.length > 0 && text.text.length <= 3000)) &&
        [...fields, ...elements].every((one) => one.text.length > 0 && one.text.length <= 2000),
    ),
  );
}

export async function startSlack(): Promise<Slack> {
  const messages: Message[] = [];
  const bodies: string[] = [];
  const state: Slack["state"] = { error: null };
  const no = (error: string): Reply => ({ status: 200, body: JSON.stringify({ ok: false, error }) });
  const keep = (message: Message, body: string): void => {
    messages.push(message);
    bodies.push(body);
  };
  const api = ({ headers, body }: Call): Reply => {
    if (headers.authorization === undefined) return no("not_authed");
    if (headers.authorization !== `Bearer ${BOT_TOKEN}`) return no("invalid_auth");
    if (state.error !== null) return no(state.error);
    const message = JSON.parse(body) as Message;
    if (message.channel !== CHANNEL) return no("channel_not_found");
    if (!areBlocksValid(message)) return no("invalid_blocks");
    if (message.text === "") return no("no_text");
    keep(message, body);
    return { status: 200, body: JSON.stringify({ ok: true, channel: CHANNEL, ts: `${messages.length}.0` }) };
  };
  const hook = ({ body }: Call): Reply => {
    const message = JSON.parse(body) as Message;
    if (message.channel !== undefined || !areBlocksValid(message)) return { status: 400, body: "invalid_payload" };
    keep(message, body);
    return { status: 200, body: "ok" };
  };
  const receiver = await startReceiver((call): Reply => {
    if (call.path === "/api/chat.postMessage") return api(call);
    return call.path === HOOK_PATH ? hook(call) : { status: 404, body: "no_service" };
  });
  return { ...receiver, messages, bodies, state };
}
