/**
 * Reading ahead in a thread gives what reading here gives, for whatever lies in a folder, and does without the thread
 * where there is none.
 */
import { spawnSync } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cloudtrailGlance } from "../../../src/decode/glance.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { readAhead } from "../../../src/sources/file/ahead.ts";
import { type FoundFile, listFiles } from "../../../src/sources/file/list.ts";
import { readFileBatches } from "../../../src/sources/file/read.ts";
import { type AheadResult, lookBeside } from "../../../src/sources/file/thread.ts";
import type { RecordBatch } from "../../../src/sources/records/batches.ts";
import { call, createFolder, delivery, type Folder, LIMITS, mixed } from "../records.ts";

let folder: Folder;
beforeEach(() => {
  folder = createFolder();
});
afterEach(() => folder.remove());

const settings = { source: "trail", limits: LIMITS };
/** 50 KB that hardly compress. */
const noise = Buffer.from(createRandom("noise").hex(100_000), "hex").toString("base64");

async function list(): Promise<FoundFile[]> {
  const query = { paths: [folder.path], pattern: null, warn: () => undefined, mustExist: true, except: null };
  return [...(await listFiles(query)).files];
}

async function readHere({ path, sizeBytes }: FoundFile): Promise<RecordBatch[]> {
  const options = { source: "trail", path, sizeBytes, skip: 0, limits: LIMITS, onRead: () => undefined };
  const batches: RecordBatch[] = [];
  for await (const batch of readFileBatches(options, new AbortController().signal)) batches.push(batch);
  return batches;
}

/** Takes all files in order, slowly enough for a thread to come up on the way. */
async function takeAll(
  files: readonly FoundFile[],
  with_: Parameters<typeof readAhead>[1] = settings,
): Promise<AheadResult[]> {
  const ahead = readAhead(files, with_);
  const results: AheadResult[] = [];
  try {
    for (const file of files) {
      results.push(await ahead.take(file));
      if (results.at(-1) === null) await systemClock.sleep(5);
    }
  } finally {
    await ahead.close();
  }
  return results;
}

/** What a batch says, without the room at the end of its chunk and the numbers of kinds, which each thread gives for itself. */
const shown = ({ chunk, offsets, glances, ...rest }: RecordBatch): unknown => ({
  ...rest,
  places: glances?.filter((_, at) => at % cloudtrailGlance.width < 2 * cloudtrailGlance.fields.length),
  texts: Array.from({ length: offsets.length / 2 }, (_, at) =>
    Buffer.from(chunk.subarray(offsets[2 * at], offsets[2 * at + 1])).toString("latin1"),
  ),
});

describe("answers", () => {
  test("are the batches that reading here gives, also of damaged and odd files", async () => {
    const packed = gzipSync(delivery(call("x"), call("y")));
    const kinds: readonly (string | Uint8Array)[] = [
      gzipSync(delivery(call("a"), call("b"))),
      [call("c"), "junk", ...mixed].join("\n"),
      packed.subarray(0, packed.length - 9),
      Buffer.concat([packed, Buffer.from("tail")]),
      "",
      `{"Records":[${call("d")}`,
      delivery(...Array.from({ length: 600 }, (_, at) => call(`many-${at}`))),
    ];
    for (let at = 0; at < 700; at += 1) folder.write(`${String(at).padStart(4, "0")}.json`, kinds[at % kinds.length]!);
    const files = await list();
    const results = await takeAll(files);
    const answered = results.flatMap((result, at) => (result === null ? [] : [[files[at]!, result] as const]));
    expect(answered.length).toBeGreaterThan(100);
    for (const [file, { batches, readBytes }] of answered) {
      expect(batches.map(shown)).toEqual((await readHere(file)).map(shown));
      expect(readBytes).toBe(file.sizeBytes);
    }
  });

  test("are none for a file that is gone: the main thread says so", async () => {
    for (let at = 0; at < 700; at += 1) folder.write(`${String(at).padStart(4, "0")}.json`, call("a"));
    const files = await list();
    rmSync(join(folder.path, "0690.json"));
    const results = await takeAll(files);
    expect(results[690]).toBe(null);
    expect(results[691]?.batches).toHaveLength(1);
  });

  test("come in bounded memory: what is too much at once is read here", async () => {
    const large = gzipSync(delivery(call("a")) + " ".repeat(1000 * 1000));
    for (let at = 0; at < 700; at += 1) folder.write(`${String(at).padStart(4, "0")}.json.gz`, large);
    const results = await takeAll(await list());
    expect(results.slice(500).some((result) => result !== null)).toBe(true);
    expect(results.slice(500).some((result) => result === null)).toBe(true);
  });
});

test.for([
  // A question has at most 128 files, or half a MiB.
  ["small files", 3000, "", 60 + 5 * 128],
  ["large ones, of which a question takes ten", 600, noise, 60 + 5 * 12],
] as const)(
  "no more is read ahead than a few questions, however slowly it is taken: %s",
  async ([, count, filling, most]) => {
    const packed = gzipSync(delivery(call("a")) + filling);
    for (let at = 0; at < count; at += 1) folder.write(`${String(at).padStart(4, "0")}.json.gz`, packed);
    const files = await list();
    await takeAll(files.slice(0, 400));
    const ahead = readAhead(files, settings);
    const results: AheadResult[] = [];
    for (const file of files) {
      // By now the thread could have read them all.
      if (results.length < 60) await systemClock.sleep(10);
      else if (results.length === 60) for (const { path } of files.slice(most)) rmSync(path);
      results.push(await ahead.take(file));
    }
    await ahead.close();
    expect(results.slice(10, 60).some((result) => result !== null)).toBe(true);
    expect(results.slice(most).every((result) => result === null)).toBe(true);
  },
);

describe("the thread of a run before", () => {
  test("answers the next one as soon as it is asked, by the settings of that one", async () => {
    for (let at = 0; at < 400; at += 1) folder.write(`${String(at).padStart(4, "0")}.json`, `${call("a")}\njunk`);
    const files = await list();
    expect((await takeAll(files)).at(-1)).not.toBe(null);
    const limits = { ...LIMITS, recordBytes: 10 };
    const results = await takeAll(files, { source: "other", limits });
    const [batch] = results[1]?.batches ?? [];
    expect(batch?.rejected.map(({ reason, pointer }) => [reason, pointer.source])).toEqual([
      ["too_big", "other"],
      ["bad_json", "other"],
    ]);
  });

  test("is not left with questions of a run that was cut short", async () => {
    for (let at = 0; at < 700; at += 1) folder.write(`${String(at).padStart(4, "0")}.json`, call(`n-${at}`));
    const files = await list();
    await takeAll(files);
    const cut = readAhead(files, settings);
    await cut.take(files[0]!);
    await cut.close();
    const results = await takeAll(files.toReversed());
    const answered = results.flatMap((result, at) => (result === null ? [] : [[files.at(-1 - at)!, result] as const]));
    expect(answered.length).toBeGreaterThan(100);
    for (const [file, { batches }] of answered) expect(batches.map(shown)).toEqual((await readHere(file)).map(shown));
  });
});

describe("looks at files beside the main thread", () => {
  const query = { pattern: null, mustExist: true, except: null };

  /** Lists twice, the second time with the thread up; what was found and said, and how many paths the thread looked at. */
  async function listBeside(
    beside: typeof lookBeside,
  ): Promise<{ found: readonly FoundFile[]; said: string[]; looked: number }> {
    const said: string[] = [];
    let looked = 0;
    const counted: typeof lookBeside = (paths) => {
      const answer = beside(paths);
      if (answer !== null) looked += paths.length;
      return answer;
    };
    const wanted = { ...query, paths: [folder.path], warn: (text: string) => void said.push(text), beside: counted };
    return { found: (await listFiles(wanted)).files, said, looked };
  }

  async function waitForThread(paths: readonly string[]): Promise<void> {
    for (let answer = lookBeside(paths); answer === null || (await answer).length === 0; answer = lookBeside(paths))
      await systemClock.sleep(5);
  }

  beforeEach(() => {
    for (let at = 0; at < 700; at += 1) folder.write(`${at % 7}/${at}_20230710T12${10 + (at % 50)}Z_x.json`, call("a"));
    folder.write("away/b.json", call("b"));
    symlinkSync(join(folder.path, "away/b.json"), join(folder.path, "3/link.json"));
    symlinkSync(join(folder.path, "away"), join(folder.path, "3/folder"));
    symlinkSync(join(folder.path, "nowhere"), join(folder.path, "4/dangling.json"));
  });

  test("find what looking here finds, and say the same", async () => {
    await waitForThread([folder.path]);
    const here = await listBeside(() => null);
    const beside = await listBeside(lookBeside);
    expect(beside.looked).toBeGreaterThan(100);
    expect(here.looked).toBe(0);
    expect(beside.found).toEqual(here.found);
    expect(beside.found).toHaveLength(702);
    expect(beside.said).toEqual(here.said);
    expect(beside.said).toEqual([expect.stringContaining("3/folder is a link to a folder")]);
  });

  test("are done here where the thread broke: its answers are empty", async () => {
    const { found } = await listBeside(() => Promise.resolve(new Float64Array(0)));
    expect(found).toEqual((await listBeside(() => null)).found);
  });
});

test("where no thread may be started, all is looked at and read here", () => {
  for (let at = 0; at < 300; at += 1) folder.write(`${at}.json`, call("a"));
  const source = (name: string): string => join(import.meta.dirname, "../../../src/sources/file", name);
  const script = `
    const { listFiles } = await import(${JSON.stringify(source("list.ts"))});
    const { readAhead } = await import(${JSON.stringify(source("ahead.ts"))});
    const { lookBeside } = await import(${JSON.stringify(source("thread.ts"))});
    const query = { paths: [${JSON.stringify(folder.path)}], pattern: null, warn: () => undefined, mustExist: true, except: null };
    const { files } = await listFiles({ ...query, beside: lookBeside });
    const ahead = readAhead(files, { source: "s", limits: { recordBytes: 1000, depth: 8 } });
    const results = [];
    for (const file of files) results.push(await ahead.take(file));
    await ahead.close();
    console.log(files.length, results.every((result) => result === null));
  `;
  const told = spawnSync(process.execPath, ["--permission", "--allow-fs-read=*", "--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect(told.stdout.trim()).toBe("300 true");
  expect(told.status).toBe(0);
});

describe("without a thread", () => {
  test("few files are left to the main thread", async () => {
    folder.write("a.json", call("a"));
    expect(await takeAll(await list())).toEqual([null]);
  });

  test("a thread that breaks is done without", async () => {
    for (let at = 0; at < 300; at += 1) folder.write(`${String(at).padStart(4, "0")}.json`, call("a"));
    const results = await takeAll(await list(), { source: "trail", limits: null as never });
    expect(results.every((result) => result === null)).toBe(true);
  });
});
