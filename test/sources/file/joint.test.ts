/** Small files that are read together: the same records, places and follow-ups as one by one, and nothing else together. */
import { existsSync, statSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Batch } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { countJoint, readJoint } from "../../../src/sources/file/joint.ts";
import { createRecordScanners } from "../../../src/sources/records/batches.ts";
import { commitPositions, placesOf, readBatches, textsOf } from "../../contracts/source-exam.ts";
import { call, delivery, deliveryName, finding, LIMITS } from "../records.ts";
import { useFileSource } from "../set-up.ts";

const { folder, open } = useFileSource("once");

const reading = { source: "trail", limits: LIMITS, scanners: createRecordScanners(LIMITS) };
/** Writes contents as files, in order, and reads them together. */
function together(...contents: readonly (string | Uint8Array)[]): ReturnType<typeof readJoint> {
  const files = contents.map((content, at) => {
    const path = folder.write(`${at}.gz`, content);
    return { path, sizeBytes: statSync(path).size };
  });
  return readJoint(files, reading);
}

describe("files together", () => {
  test("give the records of each, with what was seen of them where it stands now", () => {
    const result = together(
      delivery(call("a"), call("b")),
      `\n ${delivery(call("c"))} \n`,
      [call("d"), call("e")].join("\n"),
    );
    const [batch] = result?.batches ?? [];
    expect(result?.batches).toHaveLength(1);
    expect(result?.starts).toEqual([2, 3]);
    expect([...(batch?.indexes ?? [])]).toEqual([0, 1, 0, 0, 1]);
    const text = (start: number, end: number): string => Buffer.from(batch!.chunk.subarray(start, end)).toString();
    const pairs = Array.from({ length: 5 }, (_, row) => text(batch!.offsets[2 * row]!, batch!.offsets[2 * row + 1]!));
    expect(pairs).toEqual(["a", "b", "c", "d", "e"].map(call));
    const width = batch!.glances!.length / 5;
    const times = Array.from({ length: 5 }, (_, row) =>
      text(batch!.glances![row * width]!, batch!.glances![row * width + 1]!),
    );
    expect(times).toEqual(Array.from({ length: 5 }, () => '"2026-01-02T03:04:05Z"'));
    // The error code, which these calls lack.
    expect(batch!.glances![4 * width + 8]).toBe(-1);
  });

  const packed = gzipSync(delivery(call("x"), call("y")));
  const odd: readonly [string, string | Uint8Array][] = [
    ["cut short", packed.subarray(0, packed.length - 9)],
    ["with a damaged byte", Uint8Array.from(packed, (byte, at) => (at === packed.length - 30 ? byte ^ 1 : byte))],
    ["with junk behind its stream", Buffer.concat([packed, Buffer.from("tail")])],
    ["of two streams", Buffer.concat([packed, gzipSync(call("z"))])],
    ["that is plain", Buffer.from(delivery(call("x")))],
    ["that is empty", new Uint8Array(0)],
    ["without records", delivery()],
    ["of another kind", finding("f")],
    ["of several kinds", [call("x"), finding("f")].join("\n")],
    ["with junk between its records", [call("x"), "junk"].join("\n")],
    ["with a key that stands twice", call("x").replace("{", '{"eventID":"1",')],
    ["that ends inside a record", `{"Records":[${call("x")},${call("y").slice(0, 40)}`],
    ["of a digest", '{"digestStartTime":1,"digestEndTime":2}'],
  ];
  test.each(odd)("are none when one is a file %s, wherever it stands", (_name, content) => {
    const [one, other] = [delivery(call("a")), delivery(call("b"))];
    expect([together(content, one, other), together(one, content, other), together(one, other, content)]).toEqual([
      null,
      null,
      null,
    ]);
  });

  test("are none when a stream goes on in the next file", () => {
    const half = packed.length >> 1;
    expect(together(packed.subarray(0, half), packed.subarray(half), delivery(call("a")))).toBe(null);
  });

  test("are none when one has changed since it was listed, or they unpack to too much", () => {
    const path = folder.write("grown.gz", delivery(call("a")));
    const sizeBytes = statSync(path).size;
    const other = { path: folder.write("other.gz", delivery(call("b"))), sizeBytes };
    expect(readJoint([{ path, sizeBytes: sizeBytes + 1 }, other], reading)).toBe(null);
    expect(readJoint([{ path, sizeBytes: sizeBytes - 1 }, other], reading)).toBe(null);
    const large = gzipSync(delivery(call("a")) + " ".repeat(600_000));
    expect(together(large, large)).toBe(null);
  });

  test("are a few neighbours: few in number, small, and none that may not be joined", () => {
    const file = (sizeBytes: number, follows = true): Parameters<typeof countJoint>[0][number] => ({
      path: "",
      sizeBytes,
      follows,
    });
    expect(
      countJoint(
        Array.from({ length: 50 }, () => file(10)),
        3,
      ),
    ).toBe(20);
    expect(countJoint([file(30_000), file(30_000), file(30_000)], 0)).toBe(2);
    expect(countJoint([file(90_000), file(10)], 0)).toBe(1);
    expect(countJoint([file(10, false), file(10), file(10, false)], 0)).toBe(2);
  });
});

describe("a run over many files", () => {
  const FILES = 400;
  const name = (at: number): string => deliveryName("20260102T0305Z", String(at).padStart(4, "0"));
  const expected = Array.from({ length: FILES }, (_, at) => [call(`${at}a`), call(`${at}b`)]);
  const write = (): string[] => expected.map((records, at) => folder.write(name(at), delivery(...records)));
  const placed = (batches: readonly Batch[]): string[] =>
    batches.flatMap((batch) => placesOf(batch.origin).map((place, row) => `${place} ${textsOf(batch)[row]}`));
  /** Reads as slowly as the thread starts, and leaves it for the next run: all of that can be joined. */
  const warm = async (): Promise<void> => {
    const end = new AbortController();
    for await (const batch of open().read(new Map(), end.signal)) {
      batch.settle();
      if (batch.origin.further === undefined) await systemClock.sleep(20);
    }
  };

  test("gives each record once, from where it stands, in fewer batches than files; a restart goes on behind any of them", async () => {
    const paths = write();
    await warm();
    const batches = await readBatches(open(), new Map());
    expect(batches.length).toBeLessThan(FILES);
    const places = paths.flatMap((path, at) => expected[at]!.map((text, index) => `${path}#${index} ${text}`));
    expect(placed(batches)).toEqual(places);
    for (const stop of [1, batches.length >> 1, batches.length]) {
      const rest = await readBatches(open(), commitPositions(new Map(), batches.slice(0, stop)));
      expect(placed([...batches.slice(0, stop), ...rest])).toEqual(places);
    }
  });

  test("a file that was begun, one that is plain and one too large stand by themselves, in their places", async () => {
    const paths = write();
    const key = (at: number): string => {
      const { ino, size, mtimeMs } = statSync(paths[at]!);
      return `${ino}|${size}|${Math.trunc(mtimeMs)}|${paths[at]}`;
    };
    folder.write(name(100), gunzipSync(gzipSync(delivery(...expected[100]!))));
    folder.write(name(200), gzipSync(delivery(...expected[200]!) + "\n".repeat(2_000_000)));
    await warm();
    const batches = await readBatches(open(), new Map([[key(300), "1"]]));
    expect(batches.length).toBeLessThan(FILES);
    const alone = (at: number): string[] => placed(batches.filter(({ origin }) => origin.path === paths[at]));
    expect(alone(100)).toEqual(expected[100]!.map((text, index) => `${paths[100]}#${index} ${text}`));
    expect(alone(300)).toEqual([`${paths[300]}#1 ${expected[300]![1]}`]);
    expect(placed(batches).map((place) => place.slice(0, place.indexOf(" ")))).toEqual(
      paths.flatMap((path, at) => (at === 300 ? [`${path}#1`] : [`${path}#0`, `${path}#1`])),
    );
  });

  test("files are followed up once their batch is committed, and none of a batch that was given up", async () => {
    const paths = write();
    await warm();
    const batches: Batch[] = [];
    for await (const batch of open({ afterRead: "delete" }).read(new Map(), new AbortController().signal)) {
      batches.push(batch);
      if ((batch.origin.further?.length ?? 0) > 0 && batches.length === 3) batch.settle(new Error("given up"));
    }
    const givenUp = new Set(batches[2]!.positions.map(({ key }) => key.slice(key.indexOf("/"))));
    expect(givenUp.size).toBeGreaterThan(1);
    expect(paths.every((path) => existsSync(path))).toBe(true);
    for (const batch of batches) if (batch !== batches[2]) batch.settle();
    expect(paths.filter((path) => existsSync(path))).toEqual(paths.filter((path) => givenUp.has(path)));
  });
});
