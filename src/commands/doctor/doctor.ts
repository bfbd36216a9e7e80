/**
 * `sagewatch doctor`: tries what the configuration needs before the daemon does, by harmless calls only, and prints the
 * least that IAM has to allow.
 */
import { toPolicies } from "../../aws/policy.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { toMessage } from "../../model/errors.ts";
import { print, type Terminal } from "../../ops/terminal.ts";
import { adapterProbes, needsOf } from "./adapters.ts";
import { type Checked, renderChecks, runProbes, toJson } from "./check.ts";
import { localProbes } from "./local.ts";

/** Options of the command. */
export type Doctor = {
  readonly config?: string;
  readonly json?: true;
  readonly policy?: true;
  readonly principal?: string;
};

/** Prints checks, exit code 1 when one failed; or the policies. Errors by code, of --policy only: config_*. */
export async function runDoctor(options: Doctor, terminal: Terminal, clock: Clock = systemClock): Promise<number> {
  if (options.policy === true) {
    const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
    await print(terminal, `${JSON.stringify(toPolicies(needsOf(config), options.principal), null, 2)}\n`);
    return 0;
  }
  const checks = await examine(options.config, terminal, clock);
  await print(terminal, options.json === true ? toJson(checks) : renderChecks(checks));
  return checks.some(({ status }) => status === "fail") ? 1 : 0;
}

async function examine(path: string | undefined, { signal }: Terminal, clock: Clock): Promise<readonly Checked[]> {
  const check = "configuration";
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({ path, adapters: ADAPTERS });
  } catch (error) {
    const mend = "correct the places that are named; nothing else was tried";
    return [{ check, status: "fail", did: toMessage(error), mend }];
  }
  const { config } = loaded;
  const probes = [...localProbes(config), ...adapterProbes(config)];
  return [toRead(check, loaded), ...(await runProbes(probes, { clock, signal }))];
}

function toRead(check: string, { config, path }: LoadedConfig): Checked {
  const { sources, sinks } = config;
  if (path === null) {
    const mend = "write one with `sagewatch init`, or name it with --config";
    return { check, status: "fail", did: "there is no configuration file", mend };
  }
  const empty = sources.length === 0 ? "sources" : sinks.length === 0 ? "sinks" : null;
  if (empty !== null)
    return {
      check,
      status: "fail",
      did: `${path}: \`${empty}\` is empty`,
      mend: `name at least one under \`${empty}\``,
    };
  return { check, status: "ok", did: `${path} is right: ${sources.length} sources, ${sinks.length} sinks` };
}
