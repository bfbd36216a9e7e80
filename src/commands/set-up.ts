/**
 * Small commands around a set-up: `init`, `config print`, `version`, `simulate`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig, loadEngineVersion } from "../config/load.ts";
import { printConfig } from "../config/print.ts";
import { ADAPTERS } from "../config/registries.ts";
import { STARTER } from "../config/starter.ts";
import { loadLists, toConfigured } from "../rules/lists.ts";
import { systemClock } from "../lib/clock.ts";
import { SagewatchError, toMessage } from "../model/errors.ts";
import { createProgress } from "../ops/progress.ts";
import { toCount } from "../ops/summary.ts";
import { print, remark, type Terminal } from "../ops/terminal.ts";
import { CANONICAL_FORM, SCHEMA_VERSION } from "../store/schema.ts";
import { COMMAND, toShellWord } from "./options.ts";
import { RECORDS_FOLDER, runSimulate, type SimulateOptions } from "./simulate.ts";

/** Writes the starter configuration. Errors: usage when a file is there already or cannot be written. */
export async function writeStarter(
  options: { readonly path: string; readonly force?: true },
  terminal: Terminal,
): Promise<number> {
  const { path, force } = options;
  try {
    writeFileSync(path, STARTER, { flag: force === true ? "w" : "wx" });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new SagewatchError(
      "usage",
      isThere ? `${path} is there already; --force replaces it` : `${path} cannot be written: ${toMessage(error)}`,
      { cause: error },
    );
  }
  remark(terminal, `Wrote ${path}. Look through it, then: sagewatch run --config ${path}`);
  return 0;
}

/** Prints the resolved configuration as YAML. Errors: config_*, secret_*. */
export async function printResolved(options: { readonly config?: string }, terminal: Terminal): Promise<number> {
  const { config, path } = loadConfig({ path: options.config, adapters: ADAPTERS });
  await print(
    terminal,
    `# ${path === null ? "no configuration file was found: these are the defaults" : `from ${path}`}\n${printConfig(config, ADAPTERS, toConfigured(loadLists({})))}`,
  );
  return 0;
}

/** Prints the versions by which states, rules and releases are told apart. */
export async function printVersion(options: { readonly json?: true }, terminal: Terminal): Promise<number> {
  const versions = {
    engine: loadEngineVersion(),
    canonicalForm: CANONICAL_FORM,
    schema: SCHEMA_VERSION,
    node: process.versions.node,
  };
  const text =
    options.json === true
      ? JSON.stringify(versions)
      : `sagewatch ${versions.engine} (canonical form ${versions.canonicalForm}, state schema ${versions.schema}, Node ${versions.node})`;
  await print(terminal, `${text}\n`);
  return 0;
}

/**
 * Writes simulated files; prints the path of the answer file, and how to read the records: only their folder, since the
 * answers are none. Errors: usage.
 */
export async function simulateFiles(options: SimulateOptions, terminal: Terminal): Promise<number> {
  const progress = createProgress(terminal.stderr, "writing", systemClock);
  try {
    const { answers, answersPath, out } = await runSimulate({
      ...options,
      signal: terminal.signal,
      onProgress: (done, total) => progress.show(done / total, `${toCount(done)} records`),
    });
    progress.end();
    remark(
      terminal,
      `${toCount(answers.records)} records in ${toCount(answers.files)} files under ${out}, ${answers.attacks.length} attacks planted. The answers:`,
    );
    await print(terminal, `${answersPath}\n`);
    remark(terminal, `Next: ${COMMAND} replay ${toShellWord(join(out, RECORDS_FOLDER))}`);
    return 0;
  } finally {
    progress.end();
  }
}
