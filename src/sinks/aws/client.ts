/**
 * The client of a sink over AWS: loaded and opened with the first alert, so that a start waits for nothing.
 */
import { type Aws, CALL_LIMITS, type ClientSettings, createAws } from "../../aws/clients.ts";
import type { AwsCall } from "../../aws/errors.ts";
import type { AwsSettings } from "../../aws/settings.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { SinkDeps } from "../settings.ts";

/** What a sink needs of an SDK client. */
type Closable = { destroy(): void };

/** A client that is opened when first used. */
export type LazyClient<Client> = {
  /** Makes a call with it. Errors by code: aws_*, config_invalid. */
  call<T>(
    call: AwsCall,
    signal: AbortSignal,
    send: (client: Client, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  close(): void;
};

/** `load` imports the client's class. */
export function createLazyClient<Client extends Closable>(
  settings: AwsSettings,
  { clock = systemClock }: Pick<SinkDeps, "clock">,
  load: () => Promise<new (settings: ClientSettings) => Client>,
): LazyClient<Client> {
  let opened: Promise<{ readonly aws: Aws; readonly client: Client }> | null = null;
  return {
    call: async (call, signal, send) => {
      opened ??= open(settings, clock, load);
      const { aws, client } = await opened.catch((error: unknown) => {
        opened = null;
        throw error;
      });
      return aws.call(call, (abortSignal) => send(client, abortSignal), { limits: CALL_LIMITS, signal });
    },
    close: () => void opened?.then(({ client }) => client.destroy()).catch(() => undefined),
  };
}

async function open<Client extends Closable>(
  settings: AwsSettings,
  clock: Clock,
  load: () => Promise<new (settings: ClientSettings) => Client>,
): Promise<{ readonly aws: Aws; readonly client: Client }> {
  const aws = createAws(settings, { clock });
  return { aws, client: aws.open(await load(), CALL_LIMITS, {}) };
}
