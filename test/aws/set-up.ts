/** What tests over fakes of AWS share: credentials in the environment, calls to a fake, waiting for something. */
import { afterAll, beforeAll, expect } from "vitest";
import { type Aws, createAws } from "../../src/aws/clients.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { PLANTED_CREDENTIALS } from "../support/secrets.ts";

/** Credentials as the SDK's chain finds them, for the tests of a file. To be called once, outside of tests. */
export function useEnvironmentCredentials(): void {
  const before = Object.keys(PLANTED_CREDENTIALS).map((name) => [name, process.env[name]] as const);
  beforeAll(() => void Object.assign(process.env, PLANTED_CREDENTIALS));
  afterAll(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
}

/** Calls to `endpoint` with fixed credentials. */
export function awsAt(endpoint: string, clock: Clock = systemClock): Aws {
  const chain = (): Promise<{ accessKeyId: string; secretAccessKey: string }> =>
    Promise.resolve({ accessKeyId: "test", secretAccessKey: "test" });
  return createAws({ region: "eu-west-1", endpoint }, { clock, chain });
}

/** Waits until `read` gives what is expected; fails with the last difference after `ms`. */
export async function eventually(read: () => unknown, expected: unknown, ms = 10_000): Promise<void> {
  await expect.poll(read, { timeout: ms, interval: 20 }).toEqual(expected);
}

/** Longer waits are deadlines, which stay as they are. */
const RETRY_MAX_MS = 30_000;

/** The machine's clock, with every wait from `fromMs` up to the longest of a retry shortened to `toMs`. */
export function hasteClock(fromMs: number, toMs: number): Clock {
  const isRetry = (ms: number): boolean => ms >= fromMs && ms <= RETRY_MAX_MS;
  return { ...systemClock, sleep: (ms, signal) => systemClock.sleep(isRetry(ms) ? toMs : ms, signal) };
}
