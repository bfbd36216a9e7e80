/**
 * Secrets that the tests plant, and the search for them in everything that leaves: what a process writes, what the command
 * line says in this process, the folder of a daemon (state, quarantine, alerts), and what emulators and receivers get.
 *
 * The shared helpers search at the end of what they started; a find fails the test that started it. How much was searched
 * is told at the end of the whole run (tally.ts).
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Credentials of the emulators: a secret that stands nowhere by chance. */
export const PLANTED_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "planted+secret/access-key+of-the-tests00",
  AWS_EC2_METADATA_DISABLED: "true",
} as const;

/** Variable that names the file of the tally: a line a search, its outputs and characters. */
export const TALLY = "SAGEWATCH_TEST_TALLY";

type Env = Readonly<Record<string, string | undefined>>;

/** Names of variables that hold a secret. */
const SECRET_NAME = /SECRET|TOKEN|PASSWORD|OUTAGE_|COLLECTOR_KEY/;
/** Shorter ones stand in honest words. */
const SECRET_LENGTH = 8;

/** Throws, naming the variables, when a secret of `env` or of the emulators stands in `texts` or in a file below `folder`. */
export function seekSecrets(env: Env, texts: readonly string[], folder?: string): void {
  const given: Env = { ...PLANTED_CREDENTIALS, ...env };
  const secrets = Object.entries(given).filter(
    (entry): entry is [string, string] => SECRET_NAME.test(entry[0]) && (entry[1]?.length ?? 0) >= SECRET_LENGTH,
  );
  const written = [...texts, ...filesOf(folder)];
  const found = secrets.filter(([, value]) =>
    formsOf(value).some((form) => written.some((text) => text.includes(form))),
  );
  count(written.length, sizeOf(written));
  if (found.length > 0) throw new Error(`a process wrote the value of ${found.map(([name]) => name).join(", ")}`);
}

/** The search in what an emulator gets, which never is a secret access key: requests are signed with it. */
export type Seeker = {
  look(text: string): void;
  /** Throws when one was found. */
  end(): void;
};

export function createSeeker(): Seeker {
  const forms = formsOf(PLANTED_CREDENTIALS.AWS_SECRET_ACCESS_KEY);
  let [outputs, characters, isFound] = [0, 0, false];
  return {
    look: (text) => {
      outputs += 1;
      characters += text.length;
      isFound ||= forms.some((form) => text.includes(form));
    },
    end: () => {
      count(outputs, characters);
      [outputs, characters] = [0, 0];
      if (isFound) throw new Error("the secret access key of the tests was sent");
    },
  };
}

function count(outputs: number, characters: number): void {
  const tally = process.env[TALLY];
  if (tally !== undefined && outputs > 0) appendFileSync(tally, `${outputs} ${characters}\n`);
}

const sizeOf = (texts: readonly string[]): number => texts.reduce((sum, { length }) => sum + length, 0);

/** As it is, and as other formats write it; of base64 the part that is the same whatever stands before and after it. */
function formsOf(value: string): readonly string[] {
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.from("\0".repeat(before) + value).toString("base64");
    return text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + value.length) * 4) / 3));
  });
  const hex = Buffer.from(value).toString("hex");
  return [...new Set([value, encodeURIComponent(value), hex, ...inside])];
}

/** Every file but credentials and the store's reserve, which is 64 MiB of nothing; one that goes meanwhile is passed over. */
function filesOf(folder: string | undefined): readonly string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap(({ parentPath, name }) => {
    if (name === "credentials" || name === "reserve") return [];
    try {
      return [readFileSync(join(parentPath, name), "latin1")];
    } catch {
      return [];
    }
  });
}
