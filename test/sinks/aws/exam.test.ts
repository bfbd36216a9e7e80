/** The sinks over AWS pass the exam of all sinks. */
import type { Sink } from "../../../src/contracts.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Examined, examineSink } from "../../contracts/sink-exam.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import type { FaultProxy } from "../../fakes/fault-proxy.ts";
import { ACCOUNT, createReader, createSinkOf, type Head, startBus, startHub, toHead } from "./receivers.ts";

useEnvironmentCredentials();

/** What the exam needs, over a receiver behind the fault proxy. */
function examined(
  proxy: FaultProxy,
  open: () => Sink,
  { received, close }: { received: () => Promise<readonly Head[]>; close: () => Promise<void> },
): Examined {
  const sink = open();
  return {
    sink,
    received,
    fail: async () => proxy.set({ fault: { kind: "error", code: "ServiceUnavailable", status: 503 } }),
    mend: async () => proxy.set(),
    slow: (ms) => (ms === 0 ? proxy.set() : proxy.set({ fault: { kind: "delay", ms } })),
    reopen: open,
    dispose: async () => {
      await sink.close();
      await close();
    },
  };
}

examineSink("eventbridge", async () => {
  const bus = await startBus();
  const open = (): Sink => createSinkOf("eventbridge", { endpoint: bus.proxy.url, bus: "security" });
  const received = async (): Promise<readonly Head[]> => bus.events.map(({ detail }) => toHead(detail));
  return examined(bus.proxy, open, { received, close: () => bus.close() });
});

examineSink("security-hub", async () => {
  const hub = await startHub();
  const open = (): Sink => createSinkOf("security-hub", { endpoint: hub.proxy.url, account: ACCOUNT });
  const received = async (): Promise<readonly Head[]> =>
    hub.imported.map(({ Id = "", ProductFields }) => ({
      id: Id,
      revision: Number(ProductFields?.["sagewatch/revision"]),
    }));
  return examined(hub.proxy, open, { received, close: () => hub.close() });
});

async function openQueue(emulator: Emulator, name: string): Promise<Examined> {
  const queue = await emulator.createQueue(name, name.endsWith(".fifo") ? { FifoQueue: "true" } : {});
  const read = createReader(emulator, queue);
  const open = (): Sink => createSinkOf("sqs", { endpoint: emulator.endpoint, queue: queue.url });
  const received = async (): Promise<readonly Head[]> => (await read()).map(({ body }) => toHead(body));
  return examined(emulator.proxy, open, { received, close: () => emulator.close() });
}

examineSink("sqs", async () => openQueue(await startEmulator(), "alerts"));

examineSink("sns", async () => {
  const emulator = await startEmulator();
  const queue = await emulator.createQueue("subscriber");
  const topic = await emulator.createTopic("alerts", queue, true);
  const read = createReader(emulator, queue);
  const open = (): Sink => createSinkOf("sns", { endpoint: emulator.endpoint, topic });
  const received = async (): Promise<readonly Head[]> => (await read()).map(({ body }) => toHead(body));
  return examined(emulator.proxy, open, { received, close: () => emulator.close() });
});
