/** How digest files hang together, and what comes of the log files that they list. */
import { describe, expect, test } from "vitest";
import { judgeFiles, judgeLink, toOverdueFinding, toUnlistedFinding } from "../../../src/model/integrity/judge.ts";
import type { DigestRow, FileRow } from "../../../src/model/integrity/notes.ts";
import { HOUR_MS } from "../../../src/model/integrity/place.ts";

const START = Date.parse("2026-01-02T00:00:00Z");

/** The digest file of an hour, which names the one before it. */
const digest = (hour: number, over: Partial<DigestRow> = {}): DigestRow => ({
  uri: `s3://logs/${hour}`,
  accountId: "111122223333",
  region: "eu-west-1",
  chain: "s3://logs/main",
  isBackfill: false,
  state: "listed",
  startMs: START + hour * HOUR_MS,
  endMs: START + (hour + 1) * HOUR_MS,
  hash: `hash ${hour}`,
  signature: `signature ${hour}`,
  previous: { uri: `s3://logs/${hour - 1}`, hash: `hash ${hour - 1}`, signature: `signature ${hour - 1}` },
  isLinked: null,
  fault: null,
  readMs: START,
  files: 0,
  ...over,
});
const file = (uri: string, over: Partial<FileRow> = {}): FileRow => ({
  uri,
  state: "listed",
  hourMs: START,
  readHash: "h",
  listedHash: "h",
  isChanged: false,
  lost: null,
  ...over,
});

describe("a digest file and the one before it", () => {
  const links: readonly (readonly [string, Parameters<typeof judgeLink>, string, string | null])[] = [
    ["fit", [digest(1), { previous: digest(0), older: digest(0) }], "whole", null],
    ["are not both known where the chain begins here", [digest(1), { previous: null, older: null }], "whole", null],
    ["are not both known later on", [digest(2), { previous: null, older: digest(0) }], "fetch", null],
    [
      "wait for the first to be read",
      [digest(1), { previous: digest(0, { state: "noticed" }), older: null }],
      "wait",
      null,
    ],
    [
      "were told of where the first is faulty",
      [digest(1), { previous: digest(0, { fault: "unsigned" }), older: null }],
      "whole",
      null,
    ],
    [
      "differ in the hash",
      [digest(1), { previous: digest(0, { hash: "x" }), older: digest(0) }],
      "broken",
      "chain_broken",
    ],
    [
      "differ in the signature",
      [digest(1), { previous: digest(0, { signature: "x" }), older: digest(0) }],
      "broken",
      "chain_broken",
    ],
    [
      "have a hole between them",
      [digest(1), { previous: digest(0, { endMs: START }), older: digest(0) }],
      "whole",
      "chain_broken",
    ],
    [
      "are of two chains with a hole",
      [digest(5, { previous: null }), { previous: null, older: digest(0) }],
      "whole",
      "chain_restarted",
    ],
    [
      "are of two chains without one",
      [digest(1, { previous: null }), { previous: null, older: digest(0) }],
      "whole",
      null,
    ],
    [
      "are backfill, which may stand alone",
      [digest(5, { previous: null, isBackfill: true }), { previous: null, older: digest(0) }],
      "whole",
      null,
    ],
    ["begin the first chain", [digest(0, { previous: null }), { previous: null, older: null }], "whole", null],
  ];
  test.each(links)("%s", (...[, [row, known], is, finding]) => {
    const link = judgeLink(row, known);
    expect([link.is, link.finding?.finding ?? null]).toEqual([is, finding]);
  });
});

describe("log files of a digest file", () => {
  const by = { isLinked: true, isPatient: false };
  test("are proven when read as listed, and with the last of them the digest file", () => {
    expect(judgeFiles(digest(0), [file("a")], by)).toMatchObject({
      note: { state: "proven", isLinked: true, files: [{ uri: "a", state: "proven" }] },
      findings: [],
      wanted: [],
    });
    expect(judgeFiles(digest(0), [], by).note.state).toBe("proven");
    expect(judgeFiles(digest(0), [], { ...by, isLinked: null }).note.state).toBe("listed");
    expect(judgeFiles(digest(0), [], { ...by, isLinked: false }).note.state).toBe("broken");
  });

  test("are waited for, then fetched; those that cannot be had keep it open", () => {
    const files = [file("a", { readHash: null }), file("b", { readHash: null, lost: "unreadable" })];
    expect(judgeFiles(digest(0), files, { ...by, isPatient: true }).wanted).toEqual([]);
    const judged = judgeFiles(digest(0), files, by);
    expect(judged.wanted).toEqual(["a", "b"]);
    expect(judged.note).toMatchObject({ state: "listed", files: [{ uri: "b", state: "unread" }] });
  });

  test("are told of when altered, changed or gone, once, with all that are so", () => {
    const files = [
      file("a", { readHash: "x" }),
      file("b", { isChanged: true }),
      file("c", { readHash: null, lost: "gone" }),
      file("d"),
    ];
    const judged = judgeFiles(digest(0), files, by);
    expect(judged.note.state).toBe("broken");
    expect(judged.findings.map(({ finding, files: count }) => [finding, count])).toEqual([
      ["log_altered", 2],
      ["log_missing", 1],
    ]);
    const again = [
      file("a", { state: "altered", readHash: "x" }),
      file("c", { state: "missing", readHash: null, lost: "gone" }),
    ];
    expect(judgeFiles(digest(0), again, by)).toMatchObject({ findings: [], note: { state: "broken", files: [] } });
    const more = judgeFiles(digest(0), [...again, file("e", { readHash: "x" })], by);
    expect(more.findings).toMatchObject([{ finding: "log_altered", files: 2 }]);
    expect(more.findings[0]?.key).toBe(judged.findings[0]?.key);
  });
});

test("findings name at most three files, each cut, and say the same each time", () => {
  const uris = ["a", "b", "c", "d", "e"].map((name) => `s3://logs/${name.repeat(400)}`);
  const of = { accountId: "111122223333", region: "eu-west-1", hourMs: START };
  const finding = toUnlistedFinding(of, uris);
  expect(finding.why).toContain("5 log files");
  expect(finding.why).toContain("and 2 more");
  expect(finding.why.length).toBeLessThan(2_000);
  expect(toUnlistedFinding(of, uris)).toEqual(finding);
  expect(toOverdueFinding(digest(3))).toEqual(toOverdueFinding(digest(3)));
});
