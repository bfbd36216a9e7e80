/**
 * Secrets that the tests plant, and the search for them in what the processes of all tests write: each that is started by
 * the shared helpers has its output, and where it is known its folder (state, alerts, inputs), looked through when it ends. A find fails the
 * test that started it. With SAGEWATCH_SECRETS_TALLY each search adds a line to that file: secrets, characters.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Credentials of the emulators: a secret that stands nowhere by chance. */
export const PLANTED_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "planted+secret/access-key+of-the-tests00",
  AWS_EC2_METADATA_DISABLED: "true",
} as const;

type Env = Readonly<Record<string, string | undefined>>;

/** Names of variables that hold a secret. */
const SECRET_NAME = /SECRET|TOKEN|PASSWORD|OUTAGE_|COLLECTOR_KEY/;
/** Shorter ones stand in honest words. */
const SECRET_LENGTH = 8;

/** Throws, naming the variables, when a secret of `env` stands in `texts` or in a file below `folder`. */
export function seekSecrets(env: Env, texts: readonly string[], folder?: string): void {
  const secrets = Object.entries(env).filter(
    (entry): entry is [string, string] => SECRET_NAME.test(entry[0]) && (entry[1]?.length ?? 0) >= SECRET_LENGTH,
  );
  const written = [...texts, ...filesOf(folder)];
  const found = secrets.filter(([, value]) =>
    formsOf(value).some((form) => written.some((text) => text.includes(form))),
  );
  const tally = process.env["SAGEWATCH_SECRETS_TALLY"];
  if (tally !== undefined)
    appendFileSync(tally, `${secrets.length} ${written.reduce((sum, { length }) => sum + length, 0)}\n`);
  if (found.length > 0) throw new Error(`a process wrote the value of ${found.map(([name]) => name).join(", ")}`);
}

/** As it is, and as other formats write it. */
function formsOf(value: string): readonly string[] {
  return [value, Buffer.from(value).toString("base64"), encodeURIComponent(value)];
}

/** Every file but credentials; one that goes meanwhile is passed over. */
function filesOf(folder: string | undefined): readonly string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap(({ parentPath, name }) => {
    if (name === "credentials") return [];
    try {
      return [readFileSync(join(parentPath, name), "latin1")];
    } catch {
      return [];
    }
  });
}
