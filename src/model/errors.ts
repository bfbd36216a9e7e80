/**
 * The one error type of Sagewatch and the closed list of its codes.
 *
 * Expected outcomes are values (a quarantined record, a refused alert); an exception is thrown only when a caller cannot
 * go on, and then always as a SagewatchError. The code says what happened, `retryable` whether waiting can help, and the
 * message says what, where, the offending value and what to do. The table also gives each code its process exit code:
 * 1 the answer is no, 2 usage or config, 3 can't run. docs/error-codes.md is generated from it.
 */

/** Exit code and meaning of each error code. `what` and `remedy` are printed in docs/error-codes.md. */
export const ERROR_CODES = {
  usage: { exit: 2, what: "The command line is wrong.", remedy: "Run the command with --help." },
  config_missing: {
    exit: 2,
    what: "No configuration file was found.",
    remedy: "Run `sagewatch init`, or name one with --config.",
  },
  config_invalid: { exit: 2, what: "The configuration has errors.", remedy: "Mend the keys that the message names." },
  secret_plain: {
    exit: 2,
    what: "A secret stands in plain text in the configuration.",
    remedy: "Use {env: NAME} or {file: PATH}.",
  },
  secret_missing: {
    exit: 2,
    what: "A secret's reference leads nowhere.",
    remedy: "Set the variable or create the file.",
  },
  not_found: {
    exit: 2,
    what: "A file, folder, alert or record that was named does not exist.",
    remedy: "Check the name or path; the `list` commands show what there is.",
  },
  rules_rejected: {
    exit: 2,
    what: "The rule set has errors, so none of it was loaded.",
    remedy: "Run `sagewatch rules check PATH`.",
  },
  input_unreadable: {
    exit: 3,
    what: "An input file could not be read; `run` over sources that end, and `replay`, end so after all else was read.",
    remedy: "Check its permissions and the disk.",
  },
  store_locked: {
    exit: 3,
    what: "Another process holds the state folder.",
    remedy: "Stop it, or use another state.dir.",
  },
  store_fenced: {
    exit: 3,
    what: "Another process took over the state folder.",
    remedy: "Run one daemon for each state folder.",
  },
  store_corrupt: {
    exit: 3,
    what: "The state file fails its integrity check.",
    remedy: "Restore a backup, or move it away to start anew (docs/runbook.md).",
  },
  store_newer: {
    exit: 3,
    what: "The state file was written by a newer Sagewatch.",
    remedy: "Run that version, or restore the copy made before the upgrade.",
  },
  store_full: {
    exit: 3,
    what: "The disk of the state folder is full.",
    remedy: "Free space and start again; nothing was acknowledged that is not stored.",
  },
  store_failed: {
    exit: 3,
    what: "The state file could not be written.",
    remedy: "Check the disk and the permissions of state.dir.",
  },
  sink_failed: {
    exit: 3,
    what: "A sink could not be opened, or has nowhere to write any more.",
    remedy: "Check the sink's settings and who receives what it writes.",
  },
  http_failed: {
    exit: 3,
    what: "The address for health and metrics cannot be listened on: the port is taken, or the host is not this machine's.",
    remedy: "Stop who listens there, or set http.host and http.port (http.enabled: false serves nothing).",
  },
  daemon_unreachable: {
    exit: 3,
    what: "No daemon answers on the socket of the state folder.",
    remedy: "Check that the daemon runs, and that --config or --state names its state folder.",
  },
  over_limit: {
    exit: 1,
    what: "What was asked for needs more than its limits allow.",
    remedy: "Ask for a shorter span, or give higher limits.",
  },
  aws_denied: {
    exit: 3,
    what: "AWS refused a call: the identity may not do it.",
    remedy:
      "Allow the action that the message names; `sagewatch doctor --policy` prints all that is needed (docs/permissions.md).",
  },
  aws_missing: {
    exit: 3,
    what: "A queue, bucket, object or other resource of AWS does not exist.",
    remedy: "Check its name, account and Region.",
  },
  aws_credentials: {
    exit: 3,
    what: "AWS does not accept the credentials, or none were found.",
    remedy: "Check environment, role and external id; they are asked for again by themselves.",
  },
  aws_refused: {
    exit: 3,
    what: "AWS refused a call as invalid.",
    remedy: "Check the settings that the message names.",
  },
  aws_unreachable: {
    exit: 3,
    what: "AWS does not answer, is throttling or failing.",
    remedy: "Check network and endpoint; it is tried again by itself.",
  },
  kafka_missing: {
    exit: 3,
    what: "A topic that a Kafka source reads does not exist, or is not to be seen.",
    remedy: "Create it, or grant what the message names (docs/kafka.md).",
  },
  kafka_denied: {
    exit: 3,
    what: "The brokers of a Kafka source refuse its log-in, its certificate or its reading.",
    remedy: "Mend or grant what the message names (docs/kafka.md).",
  },
  kafka_unreachable: {
    exit: 3,
    what: "The brokers of a Kafka source cannot be reached, or fail.",
    remedy: "Check network, addresses and the brokers' own log; it is tried again by itself.",
  },
  kafka_fenced: {
    exit: 3,
    what: "Another reader is in the consumer group of a Kafka source.",
    remedy: "Run one Sagewatch for each group, or set another `group`.",
  },
  internal: {
    exit: 3,
    what: "Sagewatch met a state that its code says cannot happen.",
    remedy: "Please report it with the message.",
  },
} as const;

/** A code of the closed list. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** The only exception type that Sagewatch throws. */
export class SagewatchError extends Error {
  readonly code: ErrorCode;
  /** True when the same call may succeed later without any change by a person. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SagewatchError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }

  /** The process exit code that this error asks for. */
  get exitCode(): 1 | 2 | 3 {
    return ERROR_CODES[this.code].exit;
  }
}

/** The code of any thrown value; undefined where it has none of ours. */
export function toErrorCode(thrown: unknown): ErrorCode | undefined {
  return thrown instanceof SagewatchError ? thrown.code : undefined;
}

/**
 * Tells that something is wrong with an input while its source goes on: one line, and the code of what failed. Left out:
 * nothing failed but the input is odd.
 */
export type Warn = (text: string, code?: ErrorCode) => void;

/** The text of any thrown value, for messages. */
export function toMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
