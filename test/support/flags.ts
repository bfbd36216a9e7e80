/**
 * The flags of the long runs (`npm run soak` and its like): help on --help, and a word on what is wrong in place of a trace.
 */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ readonly options: Options }>
>["values"];

/** Values of the flags. Ends the process: with 0 and the help on stdout for --help or -h, with 2 where a flag is wrong. */
export function readFlags<const Options extends ParseArgsOptionsConfig>(
  help: string,
  options: Options,
  args: readonly string[] = process.argv.slice(2),
): Values<Options> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    process.stdout.write(`${help}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    return refuseFlags(error instanceof Error ? error.message : String(error), help);
  }
}

/** Says what is wrong, and the help; ends the process with 2. */
export function refuseFlags(what: string, help: string): never {
  process.stderr.write(`${what}\n${help}\n`);
  process.exit(2);
}
