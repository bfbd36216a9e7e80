/**
 * The starter configuration that `sagewatch init` writes: valid as it stands, with a word on each thing to decide.
 *
 * It watches a spool folder and writes alerts to the screen and to a file, so it runs without any account. A test loads
 * it, so that it cannot fall behind the schema.
 */
import { DEFAULT_BUSINESS } from "./calendars.ts";

const { from, to } = DEFAULT_BUSINESS.open[0] ?? { from: "", to: "" };

/** Text of the file. */
export const STARTER: string = `# Sagewatch configuration. Every key has a default and its reason in docs/config.md;
# \`sagewatch config print\` shows what runs. Unknown keys are refused.

# Where Sagewatch keeps what it knows: alerts, windows, positions. A local disk.
state:
  dir: ./sagewatch-state

# Where records come from. \`mode: watch\` takes each file that appears in the folder;
# \`mode: once\` reads what is there and ends.
sources:
  - type: file
    name: trail
    paths: [./spool]
    mode: watch

# Where alerts go.
sinks:
  - type: console
    format: table
  - type: file
    name: alerts
    path: ./alerts.ndjson

# Every knob of the rules in one place: numbers, lists, calendars. docs/tuning.md tells each with
# its default, its reason and the rules that use it.
tuning:
  # When people work. Rules about unusual hours ask this calendar, so make it yours.
  calendars:
    business:
      zone: UTC # such as Europe/Berlin
      open:
        - days: [mon, tue, wed, thu, fri]
          from: "${from}"
          to: "${to}"
      holidays: [] # such as "2026-12-25"
  # From how much on a rule speaks.
  # thresholds:
  #   sm_bulk_endpoint_create: 10
  # Who may do what, and where. A list of the same name takes the place of the shipped one.
  # lists:
  #   gpu_launchers:
  #     type: wildcard
  #     values: ["arn:aws:iam::*:role/training-platform"]
  #   approved_regions:
  #     values: [eu-central-1, us-east-1]

# Names for your accounts, shown in alerts. Ids in quotes.
# accounts:
#   "111122223333":
#     name: ml-prod
#     env: prod
#     owner: ml-platform@example.com

# Your own rules. Naming paths takes the place of the rules that come with Sagewatch.
# rules:
#   paths: [./my-rules]

# A secret is never written here, only where it is read from:
#   token: {env: SIEM_TOKEN}
#   token: {file: /run/secrets/siem-token}

log:
  level: info
`;
