/**
 * A name that changes its mind between two connections, and a receiver that sends elsewhere: nothing inside is reached.
 *
 * Real sockets: a receiver on 127.0.0.2, which the settings list, stands for one outside; one on 127.0.0.1 at the same
 * port, which they do not, counts who comes. The names are answered by a server of DNS on loopback.
 */
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { createAddressGuard } from "../../../src/sinks/http/guard.ts";
import { type Answer, createHttpClient, type HttpClient } from "../../../src/sinks/http/request.ts";
import { type Receiver, startReceiver } from "../../fakes/http/receiver.ts";

const [OUTSIDE, INSIDE, METADATA] = ["127.0.0.2", "127.0.0.1", "169.254.169.254"] as const;
const SETTINGS = { allow: [OUTSIDE], insecure: true, timeout: 20_000, connectTimeout: 20_000 };
const { signal } = new AbortController();

/** Both receivers on one port; connections of the outer one do not stay, so that each call asks for the name again. */
async function openReceivers(): Promise<{ readonly outside: Receiver; readonly inside: Receiver }> {
  const inside = await startReceiver(() => ({ status: 200 }));
  const headers = { connection: "close" };
  const outside = await startReceiver(() => ({ status: 200, headers }), { host: OUTSIDE, port: inside.port });
  onTestFinished(async () => void (await Promise.all([inside.close(), outside.close()])));
  return { outside, inside };
}

/** A server of DNS that gives the next answer to each question of an A record, the last one again; in the order asked. */
async function startNames(answers: readonly (readonly string[])[]): Promise<{ server: string; asked: () => number }> {
  let asked = 0;
  const socket = createSocket("udp4");
  socket.on("message", (question, { port, address }) => {
    const found = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    socket.send(toReply(question, found), port, address);
  });
  socket.bind(0, INSIDE);
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return { server: `${INSIDE}:${socket.address().port}`, asked: () => asked };
}

/** The question, and A records with a time to live of 0. https://www.rfc-editor.org/rfc/rfc1035#section-4 */
function toReply(question: Buffer, addresses: readonly string[]): Buffer {
  const asked = question.subarray(12, question.indexOf(0, 12) + 5);
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x81_80, 2);
  for (const [at, count] of [1, addresses.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * at);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]),
  );
  return Buffer.concat([head, asked, ...records]);
}

/** A client as sinks have it, whose names come from that server. */
function openClient(server: string): HttpClient {
  const resolver = new Resolver();
  resolver.setServers([server]);
  const resolve = ((host: string, _: object, done: (error: Error | null, found: object[]) => void) =>
    resolver.resolve4(host, (error, found) =>
      done(error, error === null ? found.map((address) => ({ address, family: 4 })) : []),
    )) as never;
  const client = createHttpClient({ settings: SETTINGS, guard: createAddressGuard(SETTINGS, resolve), clock: systemClock }); // prettier-ignore
  onTestFinished(() => client.close());
  return client;
}

const post = (client: HttpClient, port: number): Promise<Answer> =>
  client.post({ url: new URL(`http://rebinding.example:${port}/`), headers: {}, body: "{}" }, signal);

test("a name that was outside and then is inside is not connected to, alone or among outer addresses", async () => {
  const { outside, inside } = await openReceivers();
  const answers = [
    [OUTSIDE],
    [INSIDE],
    [METADATA],
    [OUTSIDE, INSIDE],
    [INSIDE, OUTSIDE],
    [OUTSIDE, METADATA],
    [OUTSIDE],
  ];
  const names = await startNames(answers);
  const client = openClient(names.server);
  const told: unknown[] = [];
  for (const _ of answers) {
    const answer = await post(client, inside.port);
    told.push("fault" in answer ? answer.fault : answer.status);
  }
  const denied = "address_denied";
  expect(told).toEqual([200, denied, denied, denied, denied, denied, 200]);
  expect([names.asked(), outside.seen.connects, inside.seen.connects]).toEqual([answers.length, 2, 0]);
});

test.each([301, 302, 303, 307, 308])(
  "a receiver that answers %i and names an inner address is not followed",
  async (status) => {
    const { outside, inside } = await openReceivers();
    const names = await startNames([[OUTSIDE]]);
    outside.plan.reply = { status, headers: { location: `http://${INSIDE}:${inside.port}/latest/meta-data/` } };
    expect(await post(openClient(names.server), outside.port)).toMatchObject({ status });
    expect([outside.calls.length, inside.seen.connects]).toEqual([1, 0]);
  },
);
