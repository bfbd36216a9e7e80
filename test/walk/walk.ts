/**
 * The walk of a platform engineer through everything that befalls a daemon, with all types of sinks configured at once.
 *
 * Each step does what a person would, waits until what the documentation promises is seen, and tells what was seen. A step
 * that does not see it in time throws, naming what is missing. Calls that must become alerts (marks) are sent throughout;
 * none may be lost in any sink.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { createSimulation } from "../../src/simulate/simulation.ts";
import type { LiveDaemon } from "../live/daemon.ts";
import { openPlace, type Place } from "./place.ts";
import {
  alertsOf,
  arrive,
  graveAlerts,
  linesOf,
  missingIn,
  must,
  repeatsSince,
  revisions,
  sendMarks,
  stop,
  tellLines,
  until,
} from "./sight.ts";

/** A step as it is told. */
export type Step = { readonly name: string; readonly seen: readonly string[] };
export type WalkOptions = {
  /** With a broker of Kafka. */
  readonly kafka: boolean;
  /** With a disk of its own that is filled, which needs the right to mount. */
  readonly disk: boolean;
  /** One daemon through all steps until it is killed, and fewer commands. */
  readonly isShort?: boolean;
};

/** Marks of a burst in which the daemon is killed. */
const BURST = 40;

/** Walks; tells each step when it is over. */
export async function walk(options: WalkOptions, tell: (step: Step) => void): Promise<void> {
  const place = await openPlace({ ...options, ...(options.isShort && { visibility: "5s" }) });
  try {
    place.setCredentials("AKIAWALKFIRST");
    for (const [name, step] of stepsOf(options)) tell({ name, seen: await step(place, options) });
  } catch (error) {
    // What the daemon said last tells more than what was not seen.
    throw new Error(`the last words: ${place.words.join("").slice(-4000)}`, { cause: error });
  } finally {
    await place.close();
  }
}

type Work = (place: Place, options: WalkOptions) => Promise<readonly string[]>;

function stepsOf({ disk, isShort = false }: WalkOptions): readonly (readonly [name: string, step: Work])[] {
  const [long, full] = [!isShort, disk];
  const steps: readonly (readonly [string, Work, boolean?])[] = [
    ["init and doctor in an empty folder", begin],
    ["config print with every sink", print, long],
    ["doctor with every sink", examine],
    ["run, and plant attacks", plant],
    ["restart", restart, long],
    ["rotate credentials", rotate],
    ["take permissions away and give them back", deny],
    ["kill -9", kill],
    ["fill the disk", fillDisk, full],
    ["look at what the commands say", look, long],
    ["look for secrets in everything that was written", seekSecrets],
  ];
  return steps.filter(([, , isWanted = true]) => isWanted).map(([name, step]) => [name, step]);
}

async function begin(place: Place): Promise<readonly string[]> {
  mkdirSync(join(place.folder, "empty"));
  const init = await place.command("init", "empty/sagewatch.yml");
  const doctor = await place.command("doctor", "--config", "empty/sagewatch.yml");
  must(init.code === 0 && doctor.code === 0, `init ${init.code}, doctor ${doctor.code}: ${doctor.stdout}`);
  return [...linesOf(init.stdout + init.stderr), ...linesOf(doctor.stdout)];
}

async function print(place: Place): Promise<readonly string[]> {
  const { code, stdout } = await place.command("config", "print");
  must(code === 0, `print ${code}: ${stdout}`);
  return [`${linesOf(stdout).length} lines`];
}

async function examine(place: Place): Promise<readonly string[]> {
  const doctor = await place.command("doctor");
  must(doctor.code === 0, `doctor ${doctor.code}: ${doctor.stdout}`);
  place.setFaults({ operation: "ReceiveMessage", fault: DENIED }, { operation: "GetQueueAttributes", fault: DENIED });
  const denied = await place.command("doctor");
  place.setFaults();
  must(denied.code === 1, `doctor ends with ${denied.code} where a permission is missing`);
  const fails = linesOf(denied.stdout).filter((line) => line.startsWith("FAIL") || line.includes("mend: "));
  must(
    fails.some((line) => line.includes("mend: allow sqs:GetQueueAttributes")),
    `no remedy: ${denied.stdout}`,
  );
  return [...linesOf(doctor.stdout), "without the right to read the queue:", ...fails]; // prettier-ignore
}

/** Stops the daemon of a step, but on a short walk, where the next step goes on with it. */
async function leave(daemon: LiveDaemon, { isShort }: WalkOptions): Promise<void> {
  if (isShort !== true) await stop(daemon);
}

async function plant(place: Place, options: WalkOptions): Promise<readonly string[]> {
  const daemon = await place.running();
  const slotMs = 300_000;
  const startMs = Math.floor(Date.now() / slotMs) * slotMs - 24 * 3_600_000;
  const { planted } = createSimulation({ seed: 1, records: 1000, startMs, attacks: ATTACK_NAMES });
  const texts = planted.flatMap(({ records }) => records.map(({ text }) => text));
  await place.queue.send?.(texts);
  const wanted = await until("every attack is an alert, and each alert in every sink", async () => {
    const grave = await graveAlerts(place);
    return grave.length >= ATTACK_NAMES.length && (await missingIn(place, grave)).length === 0 && grave;
  });
  const counts = [...(await place.received())].map(([name, heads]) => `${name} ${heads.length}`);
  const titles = wanted.map(({ severity, title, principal }) => `${severity}: ${title} (${principal})`);
  place.words.push(await daemon.metrics());
  const marked = await sendMarks(place, "planted", 3);
  const ms = await arrive(place, marked);
  await leave(daemon, options);
  return [`${texts.length} records of ${planted.length} attacks`, ...titles, `messages: ${counts.join(", ")}`, `three more calls in every sink after ${ms} ms`]; // prettier-ignore
}

async function restart(place: Place): Promise<readonly string[]> {
  const before = await revisions(place);
  const first = await place.start();
  const exit = await stop(first);
  const second = await place.start();
  const ms = await arrive(place, await sendMarks(place, "restarted", 3));
  await stop(second);
  const again = repeatsSince(before, await revisions(place));
  must(again === 0, `${again} revisions came again after a drained stop`);
  return [`SIGTERM: ${exit.join(", ")}`, `after the start three calls are in every sink after ${ms} ms`, "nothing came again"]; // prettier-ignore
}

async function kill(place: Place): Promise<readonly string[]> {
  const before = await revisions(place);
  const first = await place.running();
  const marked = await sendMarks(place, "killed", BURST);
  await until("the burst has begun", async () => (await missingIn(place, await alertsOf(place, marked))).length > 0);
  first.process.kill("SIGKILL");
  const exit = await first.ended;
  const second = await place.start();
  const ms = await arrive(place, marked);
  await stop(second);
  const again = repeatsSince(before, await revisions(place));
  return [`it ended by ${exit} in the middle of ${BURST} calls`, `after the start all are in every sink after ${ms} ms: 0 lost`, `${again} messages came again, under the same id and revision`]; // prettier-ignore
}

async function rotate(place: Place, options: WalkOptions): Promise<readonly string[]> {
  const daemon = await place.running();
  await arrive(place, await sendMarks(place, "rotated-before", 2));
  const from = daemon.lines.length;
  place.setCredentials("AKIAWALKSECOND");
  const isOld = ({ key }: { readonly key: string }): boolean => key === "AKIAWALKFIRST";
  place.setFaults({ when: isOld, fault: { kind: "error", code: "ExpiredTokenException", status: 403 } });
  const ms = await arrive(place, await sendMarks(place, "rotated-after", 3));
  const told = tellLines(daemon.lines.slice(from));
  // A key that is deleted is refused by another word.
  place.setCredentials("AKIAWALKTHIRD");
  const isSecond = ({ key }: { readonly key: string }): boolean => key === "AKIAWALKSECOND";
  place.setFaults({ when: isSecond, fault: { kind: "error", code: "UnrecognizedClientException", status: 403 } });
  const deletedMs = await arrive(place, await sendMarks(place, "rotated-deleted", 3));
  const ready = await daemon.ready();
  place.setFaults();
  await leave(daemon, options);
  return [`the old key has expired, the file has a new one: three calls in every sink after ${ms} ms, the same process`, ...told, `that key is deleted and a third stands in the file: after ${deletedMs} ms`, `ready: ${ready.status}`]; // prettier-ignore
}

const DENIED = {
  kind: "error",
  code: "AccessDeniedException",
  status: 403,
  message: "User is not authorized to perform this action",
} as const;

async function deny(place: Place, options: WalkOptions): Promise<readonly string[]> {
  const daemon = await place.running();
  const from = daemon.lines.length;
  const sending = ["PutEvents", "POST /findings/import", "Publish", "PublishBatch", "SendMessage", "SendMessageBatch"];
  place.setFaults(...sending.map((operation): { operation: string; fault: typeof DENIED } => ({ operation, fault: DENIED }))); // prettier-ignore
  const marked = await sendMarks(place, "denied", 3);
  const names = ["eventbridge", "security-hub", "sqs", "sns"];
  const told = await until("the log tells of each sink what is denied and what to do", async () => {
    const lines = daemon.lines.slice(from).filter(({ sink, detail }) => names.includes(String(sink)) && detail);
    return new Set(lines.map(({ sink }) => sink)).size === names.length && tellLines(lines);
  });
  place.setFaults({ operation: "ReceiveMessage", fault: DENIED });
  const source = await until("the log tells of the source", async () => {
    const lines = daemon.lines.slice(from).filter(({ source: name, code }) => name === "queue" && code);
    return lines.length > 0 && tellLines(lines);
  });
  place.words.push(await daemon.metrics());
  place.setFaults();
  const ms = await arrive(place, [...marked, ...(await sendMarks(place, "allowed", 2))]);
  await leave(daemon, options);
  return [...told, ...source, `given back: all calls in every sink after ${ms} ms, the same process`];
}

/** A disk of its own; one that is full of another's bytes while `full` is there; a supervisor that starts again after 3. */
const ON_DISK = `mount -t tmpfs -o size=300m none disk && (
while [ ! -e full ]; do sleep 0.2; done; cat /dev/zero > disk/filler 2>/dev/null; touch filled
while [ -e full ]; do sleep 0.2; done; rm disk/filler) & sleep 1; while :; do "$0" "$@" & child=$!
trap 'kill -TERM $child' TERM; wait $child; code=$?; while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
[ $code = 3 ] || exit $code; done`;

async function fillDisk(place: Place): Promise<readonly string[]> {
  const { folder } = place;
  place.keepStateOn("disk");
  const daemon = await place.start(["unshare", "-Urm", "sh", "-c", `cd ${folder}; ${ON_DISK}`]);
  await arrive(place, await sendMarks(place, "disk-before", 2));
  const from = daemon.lines.length;
  writeFileSync(join(folder, "full"), "");
  const marked: string[] = [];
  const reasons = await until("/ready tells of the full disk", async () => {
    marked.push(...(await sendMarks(place, `full-${marked.length}`, 10)));
    const ready = await daemon.ready();
    return ready.status === 503 && ready.reasons.includes("store_full") && `/ready ${ready.status}: ${ready.reasons.join(", ")}`; // prettier-ignore
  });
  const told = tellLines(daemon.lines.slice(from));
  place.words.push(await daemon.metrics());
  rmSync(join(folder, "full"));
  const ms = await arrive(place, marked);
  const starts = daemon.lines.filter(({ signal }) => signal === "started").length;
  await stop(daemon);
  // That disk is gone with its last process.
  place.keepStateOn("plain");
  return [...told, reasons, `room again: its supervisor started it anew (${starts - 1} time), and all ${marked.length} calls are in every sink after ${ms} ms: 0 lost`]; // prettier-ignore
}

async function look(place: Place): Promise<readonly string[]> {
  const commands = [["alerts", "list"], ["quarantine", "list"], ["gaps"], ["doctor", "--policy"]] as const;
  const seen: string[] = [];
  for (const args of commands) {
    const { code, stdout, stderr } = await place.command(...args);
    must(code === 0, `${args.join(" ")} ends with ${code}: ${stderr}`);
    seen.push(`${args.join(" ")}: ${linesOf(stdout).length} lines`);
  }
  return seen;
}

async function seekSecrets(place: Place): Promise<readonly string[]> {
  const written = [...place.words, ...filesIn(place.folder)].join("\n");
  const forms = place.secrets.flatMap((secret) => [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(secret)]); // prettier-ignore
  const found = forms.filter((form) => written.includes(form));
  must(found.length === 0, `${found.length} secrets were written: ${found.join(", ")}`);
  must(written.includes('"started"'), "nothing was written at all");
  return [`${place.secrets.length} secrets in ${forms.length} forms, ${written.length} characters of logs, metrics, commands, state and alerts: 0 found`]; // prettier-ignore
}

/** Everything in the folder but the credentials themselves, byte by byte. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "credentials")
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1"));
}
