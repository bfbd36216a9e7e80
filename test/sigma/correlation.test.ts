/**
 * Correlations: all types, references, aliases, order, what the engine refuses, and who stays silent.
 */
import { describe, expect, test } from "vitest";
import { correlationDocument, correlationOf, detectionDocument, named, parse, places } from "./build.ts";

const docs = (...documents: string[]): string => documents.join("---\n");
const [a, b] = [detectionDocument("aa"), detectionDocument("bb")];
const one = (body: string, more = ""): ReturnType<typeof parse> =>
  parse(docs(a, b, correlationDocument("cc", body, more)));
const COUNT = "type: event_count, rules: [aa], group-by: [u], timespan: 1h, condition: {gte: 5}";

describe("types, bounds and when they are judged", () => {
  test.for<[string, object]>([
    [
      COUNT,
      {
        kind: "event_count",
        rules: ["aa"],
        groupBy: ["u"],
        timespanMs: 3_600_000,
        bucketMs: 3_600_000,
        bounds: [{ operator: "gte", value: 5 }],
        judged: "eager",
      },
    ],
    [
      "type: event_count, rules: aa, timespan: 30s, condition: {gt: 5}",
      { groupBy: [], timespanMs: 30_000, bucketMs: 300_000, judged: "eager" },
    ],
    ["type: event_count, rules: [aa], timespan: 30s, condition: {lt: 5}", { judged: "final", bucketMs: 30_000 }],
    [
      "type: event_count, rules: [aa], timespan: 2d, condition: {gte: 2, lte: 9}",
      {
        judged: "final",
        bounds: [
          { operator: "gte", value: 2 },
          { operator: "lte", value: 9 },
        ],
      },
    ],
    [
      "type: value_count, rules: [aa], timespan: 1w, condition: {field: [x, y], gte: 3}",
      { fields: ["x", "y"], judged: "eager" },
    ],
    [
      "type: value_sum, rules: [aa], timespan: 1h, condition: {field: x, gt: 5.7}",
      { fields: ["x"], bounds: [{ operator: "gt", value: 5.7 }], judged: "eager" },
    ],
    ["type: value_avg, rules: [aa], timespan: 1h, condition: {field: x, gt: 5}", { judged: "final" }],
    ["type: value_median, rules: [aa], timespan: 1h, condition: {field: x, gt: 5}", { judged: "final" }],
    [
      "type: value_percentile, rules: [aa], timespan: 1h, condition: {field: x, lt: 5}",
      { percentile: null, judged: "final" },
    ],
    [
      "type: value_percentile, rules: [aa], timespan: 1h, condition: {field: x, gt: 5, percentile: 95}",
      { percentile: 95 },
    ],
    ["type: temporal, rules: [aa, bb], timespan: 5m", { bounds: [], judged: "eager" }],
    ["type: temporal, rules: [aa, bb], timespan: 5m, condition: {gte: 1}", { bounds: [{ operator: "gte", value: 1 }] }],
    ["type: temporal_ordered, rules: [aa, bb, aa], timespan: 5m", { rules: ["aa", "bb", "aa"], judged: "eager" }],
  ])("%s", ([body, expected]) => {
    const parsed = one(body);
    expect(places(parsed.problems)).toStrictEqual([]);
    expect(correlationOf(parsed, "cc")).toMatchObject(expected);
  });

  test("a bucket of one's own, in whole units", () => {
    expect(correlationOf(one(COUNT, "x_engine: {bucket: 6h}\n"), "cc").bucketMs).toBe(21_600_000);
    expect(
      places(
        one("type: event_count, rules: [aa], timespan: 1h, condition: {lt: 5}", "x_engine: {bucket: 6h}\n").problems,
      ),
    ).toStrictEqual(["error engine_option 21:21"]);
  });

  test.for([
    ["{bucket: 5m}", []],
    ["{bucket: 299s}", ["error engine_option 20:20"]],
    ["{bucket: 1s}", ["error engine_option 20:20"]],
    ["{bucket: 0s}", ["error timespan_format 20:20"]],
    ["{bucket: -5m}", ["error timespan_format 20:20"]],
    ["{bucket: often}", ["error timespan_format 20:20"]],
  ] as const)("the least bucket is what evidence is kept for: %s", ([engine, told]) => {
    expect(places(one(COUNT, `x_engine: ${engine}\n`).problems)).toStrictEqual(told);
  });

  test("what is judged once a time span may say so, however short that is", () => {
    const body = "type: event_count, rules: [aa], timespan: 1m, condition: {lt: 5}";
    expect(places(one(body, "x_engine: {bucket: 1m}\n").problems)).toStrictEqual([]);
  });
});

describe("mistakes", () => {
  // The body stands in line 20 from column 14, the value of `type` from column 21.
  test.for<[string, string]>([
    ["type: event_cuont, rules: [aa], timespan: 1h", "error correlation_type 20:21"],
    ["type: event_count, rules: [aa], timespan: 1h", "error key_missing 20:14"],
    ["type: event_count, timespan: 1h, condition: {gte: 1}", "error key_missing 20:14"],
    ["type: event_count, rules: [], timespan: 1h, condition: {gte: 1}", "error value_type 20:41"],
    ["type: event_count, rules: [aa], condition: {gte: 1}", "error key_missing 20:14"],
    ["type: event_count, rules: [aa], timespan: 1h30m, condition: {gte: 1}", "error timespan_format 20:57"],
    ["type: event_count, rules: [aa], timespan: -1h, condition: {gte: 1}", "error timespan_format 20:57"],
    ["type: event_count, rules: [aa], timespan: 0h, condition: {gte: 1}", "error timespan_format 20:57"],
    ["type: event_count, rules: [aa], timespan: 1h, condition: {}", "error correlation_condition 20:72"],
    ["type: event_count, rules: [aa], timespan: 1h, condition: {gte: '5'}", "error correlation_condition 20:78"],
    ["type: event_count, rules: [aa], timespan: 1h, condition: {gtee: 5, gte: 1}", "error key_unknown 20:73"],
    [
      "type: event_count, rules: [aa], timespan: 1h, condition: {gt: 5, lt: 5}",
      "warning correlation_condition_never 20:72",
    ],
    ["type: event_count, rules: [aa], timespan: 1h, condition: {field: x, gt: 5}", "error correlation_field 20:80"],
    ["type: value_count, rules: [aa], timespan: 1h, condition: {gt: 5}", "error correlation_field 20:72"],
    ["type: value_sum, rules: [aa], timespan: 1h, condition: {field: [x, y], gt: 5}", "error correlation_field 20:78"],
    [
      "type: value_sum, rules: [aa], timespan: 1h, condition: {field: x, gt: 5, percentile: 5}",
      "error correlation_condition 20:100",
    ],
    [
      "type: value_count, rules: [aa], timespan: 1h, condition: aa and bb",
      "error correlation_condition_extended 20:72",
    ],
    ["type: temporal, timespan: 1h, condition: aa and (bb or", "error correlation_condition_extended 20:68"],
    ["type: temporal, timespan: 1h, condition: 1 of aa*", "error correlation_condition_extended 20:56"],
    ["type: temporal, timespan: 1h, condition: aa and zz", "error correlation_rule_unknown 20:63"],
    ["type: temporal, timespan: 1h, condition: aa AND bb", "error condition_case 20:59"],
    [
      "type: temporal, rules: [aa, bb], timespan: 1h, condition: aa or not aa",
      "error correlation_condition_extended 20:21",
    ],
    ["type: temporal_ordered, timespan: 1h, condition: aa or bb", "error correlation_condition_extended 20:64"],
    [
      "type: temporal_ordered, rules: [aa, bb], timespan: 1h, condition: bb and aa",
      "error correlation_condition_extended 20:21",
    ],
    ["type: event_count, rules: [ax], timespan: 1h, condition: {gte: 1}", "error correlation_rule_unknown 20:42"],
    ["type: event_count, rules: [T aa], timespan: 1h, condition: {gte: 1}", "error correlation_rule_title 20:42"],
    ["type: temporal, rules: [aa, aa], timespan: 1h", "warning correlation_rule_twice 20:21"],
    ["type: event_count, rules: [aa], groupby: [u], timespan: 1h, condition: {gte: 1}", "error key_unknown 20:47"],
    ["type: event_count, rules: [aa], timespan: 1h, condition: {gte: 1}, generate: 'yes'", "error value_type 20:92"],
    [
      "type: temporal, rules: [aa, bb], group-by: [x], timespan: 1h, aliases: {x: {aa: f}}",
      "error correlation_alias 20:87",
    ],
    ["type: temporal, rules: [aa, bb], timespan: 1h, aliases: {x: {aa: f, bb: g}}", "warning correlation_alias 20:72"],
    [
      "type: event_count, rules: [aa], group-by: [x], timespan: 1h, condition: {gte: 1}, aliases: {x: {aa: f, zz: g}}",
      "error correlation_alias 20:118",
    ],
    ["type: event_count, rules: [cc], timespan: 1h, condition: {gte: 1}", "error correlation_cycle 20:42"],
  ])("%s", ([body, expected]) => {
    expect(places(one(body).problems)).toStrictEqual([expected]);
  });

  test("detection options on a correlation", () => {
    expect(places(one(COUNT, "x_engine: {suppress: 1h}\n").problems)).toStrictEqual(["error engine_option 20:11"]);
  });
});

describe("text conditions", () => {
  const [aa, bb] = [0, 1].map((step) => ({ op: "step", step }));

  test.for<[string, object]>([
    ["type: temporal, timespan: 1h, condition: aa and bb", { condition: { op: "and", of: [aa, bb] }, judged: "eager" }],
    ["type: temporal, timespan: 1h, condition: aa or (bb and aa)", { rules: ["aa", "bb"], judged: "eager" }],
    [
      "type: temporal, timespan: 1h, condition: aa and not bb",
      {
        rules: ["aa", "bb"],
        condition: { op: "and", of: [aa, { op: "not", of: bb }] },
        judged: "final",
        bucketMs: 3_600_000,
      },
    ],
    ["type: temporal, rules: [bb, aa], timespan: 1h, condition: aa and bb", { condition: { op: "and", of: [bb, aa] } }],
    ["type: temporal_ordered, timespan: 1h, condition: aa and bb and aa", { rules: ["aa", "bb", "aa"], bounds: [] }],
    ["type: temporal_ordered, rules: [aa, bb], timespan: 1h, condition: aa and bb", { rules: ["aa", "bb"] }],
  ])("%s", ([body, expected]) => {
    const parsed = one(body);
    expect(places(parsed.problems)).toStrictEqual([]);
    expect(correlationOf(parsed, "cc")).toMatchObject(expected);
  });

  test("ids are names too, also beside a list that has the names", () => {
    const id = "0e95725d-7320-415d-80f7-004da920fc11";
    const body = `type: temporal, rules: [aa, bb], timespan: 1h, condition: bb and not ${id}`;
    const parsed = parse(docs(`id: ${id}\n${a}`, b, correlationDocument("cc", body)));
    expect(places(parsed.problems)).toStrictEqual([]);
    expect(correlationOf(parsed, "cc")).toMatchObject({
      rules: [id, "bb"],
      condition: { of: [{ step: 1 }, { of: { step: 0 } }] },
    });
  });

  test.for(["aa and (bb", "aa and zz"])("one that fails turns no rule loose: %s", (condition) => {
    const parsed = one(`type: temporal, timespan: 1h, condition: ${condition}`);
    expect(parsed.ruleSet.correlations).toStrictEqual([]);
    expect(named(parsed, "aa").alerts).toBe(false);
  });

  test("a condition is no part of a rule's meaning, as a threshold is none", () => {
    const keyOf = (condition: string): string =>
      correlationOf(one(`type: temporal, rules: [aa, bb], timespan: 1h, condition: ${condition}`), "cc").ruleSem;
    expect(keyOf("aa or bb")).toBe(keyOf("aa and bb"));
  });
});

describe("references", () => {
  test("forward, by id and by name, over documents and files; aliases by either", () => {
    const id = "0e95725d-7320-415d-80f7-004da920fc11";
    const text = docs(
      correlationDocument(
        "cc",
        `type: temporal, rules: [${id}, bb], group-by: [who], timespan: 1h, aliases: {who: {aa: f.x, bb: g}}`,
      ),
      `id: ${id}\n${a}`,
      b,
    );
    expect(correlationOf(parse(text), "cc")).toMatchObject({
      rules: [id, "bb"],
      aliases: { who: { [id]: "f.x", bb: "g" } },
    });
  });

  test("a title is taken in lenient mode", () => {
    const parsed = parse(docs(a, correlationDocument("cc", COUNT.replace("[aa]", "[T aa]"))), { mode: "lenient" });
    expect(correlationOf(parsed, "cc").rules).toStrictEqual(["aa"]);
  });

  test("correlations come behind what they refer to", () => {
    const chain = (name: string, of: string): string =>
      correlationDocument(name, `type: event_count, rules: [${of}], timespan: 1h, condition: {gte: 2}`);
    const { ruleSet, problems } = parse(docs(chain("c3", "c2"), chain("c2", "c1"), chain("c1", "aa"), a));
    expect(problems).toStrictEqual([]);
    expect(ruleSet.correlations.map(({ name }) => name)).toStrictEqual(["c1", "c2", "c3"]);
  });

  test("a parent groups by what its child groups by", () => {
    const child = correlationDocument("c1", COUNT);
    const parent = (field: string): string =>
      correlationDocument(
        "c2",
        `type: event_count, rules: [c1], group-by: [${field}], timespan: 1h, condition: {gte: 2}`,
      );
    expect(parse(docs(a, child, parent("u"))).problems).toStrictEqual([]);
    expect(places(parse(docs(a, child, parent("v"))).problems)).toStrictEqual(["error correlation_field 17:21"]);
  });

  test("circles are refused, and what hangs on them too", () => {
    const chain = (name: string, of: string): string =>
      correlationDocument(name, `type: event_count, rules: [${of}], timespan: 1h, condition: {gte: 2}`);
    const { ruleSet, problems } = parse(
      docs(chain("c1", "c2"), chain("c2", "c1"), chain("c3", "c1"), chain("c4", "aa"), a),
    );
    expect(problems.map(({ code }) => code)).toStrictEqual([
      "correlation_cycle",
      "correlation_cycle",
      "correlation_rule_failed",
    ]);
    expect(ruleSet.correlations.map(({ name }) => name)).toStrictEqual(["c4"]);
  });

  test("a reference to a broken rule says so", () => {
    const { problems } = parse(docs(a.replace("sel: {", "sel: {f|contians: x, "), correlationDocument("cc", COUNT)));
    expect(problems.map(({ code }) => code)).toStrictEqual(["modifier_unknown", "correlation_rule_failed"]);
  });
});

describe("who alerts", () => {
  const alertsOf = (text: string, name: string): boolean => named(parse(text), name).alerts;

  test("a correlated rule is silent, another is not", () => {
    const text = docs(a, b, correlationDocument("cc", COUNT));
    expect([alertsOf(text, "aa"), alertsOf(text, "bb"), alertsOf(text, "cc")]).toStrictEqual([false, true, true]);
  });

  test("generate at either place, or in either of two correlations", () => {
    expect(alertsOf(docs(a, correlationDocument("cc", `${COUNT}, generate: true`)), "aa")).toBe(true);
    expect(alertsOf(docs(a, correlationDocument("cc", COUNT, "generate: true\n")), "aa")).toBe(true);
    expect(
      alertsOf(docs(a, correlationDocument("c1", COUNT), correlationDocument("c2", COUNT, "generate: true\n")), "aa"),
    ).toBe(true);
  });

  test.for([
    COUNT.replace("1h", "soon"),
    COUNT.replace("event_count", "event_cuont"),
    COUNT.replace("[aa]", "[aa, zz]"),
    COUNT.replace("{gte: 5}", "aa and not bb"),
    COUNT.replace("rules: [aa]", "rules: [T aa]"),
  ])("a correlation that fails turns no rule loose: %s", (body) => {
    const parsed = parse(docs(a, correlationDocument("cc", body)));
    expect(parsed.ruleSet.correlations).toStrictEqual([]);
    expect(parsed.problems.some(({ severity }) => severity === "error")).toBe(true);
    expect(named(parsed, "aa").alerts).toBe(false);
  });

  test("nor does a second correlation of a name that is taken", () => {
    const parsed = parse(
      docs(a, b, correlationDocument("cc", COUNT.replace("aa", "bb")), correlationDocument("cc", COUNT)),
    );
    expect(parsed.problems.map(({ code }) => code)).toStrictEqual(["duplicate_id"]);
    expect(named(parsed, "aa").alerts).toBe(false);
  });
});

describe("what is judged at the end of a time span, and what at once", () => {
  const judgedOf = (body: string, more = "", detections = docs(a, b)): string =>
    correlationOf(parse(docs(detections, correlationDocument("cc", body, more))), "cc").judged;

  test.for([
    "type: value_count, rules: [aa], timespan: 1h, condition: {field: [x, y], gt: 5}",
    "type: value_sum, rules: [aa], timespan: 1h, condition: {field: x, gte: 5}",
    "type: temporal, rules: [aa, bb], timespan: 1h",
    "type: temporal, rules: [aa, bb], timespan: 1h, condition: {gte: 2}",
    "type: temporal_ordered, rules: [aa, bb], timespan: 1h, condition: {gte: 1}",
  ])("at once: %s", (body) => {
    expect(judgedOf(body)).toBe("eager");
    expect(judgedOf(body, "x_engine: {final: true}\n")).toBe("final");
  });

  test("a rule that asks to be final has its time span as bucket, and no other", () => {
    const parsed = parse(docs(a, correlationDocument("cc", COUNT.replace("1h", "1m"), "x_engine: {final: true}\n")));
    expect(correlationOf(parsed, "cc").bucketMs).toBe(60_000);
    const both = parse(docs(a, correlationDocument("cc", COUNT, "x_engine: {final: true, bucket: 6h}\n")));
    expect(both.problems.map(({ code }) => code)).toStrictEqual(["engine_option"]);
  });

  test("nothing asks to be judged at once, and a detection waits for nothing", () => {
    const parsed = parse(docs(a, correlationDocument("cc", COUNT, "x_engine: {final: false}\n")));
    expect(places(parsed.problems)).toStrictEqual(["error value_type 12:19"]);
    expect(places(parse(`x_engine: {final: true}\n${a}`).problems)).toStrictEqual(["error engine_option 1:11"]);
  });

  test("a sum over events in versions is final, a count of them is not", () => {
    const [sum, count] = [
      "type: value_sum, rules: [aa, bb], timespan: 1h, condition: {field: x, gte: 5}",
      "type: event_count, rules: [aa, bb], timespan: 1h, condition: {gte: 5}",
    ];
    const findings = docs(a, b.replace("service: cloudtrail", "service: guardduty"));
    const either = docs(a, b.replace(", service: cloudtrail", ""));
    expect([judgedOf(sum), judgedOf(sum, "", findings), judgedOf(sum, "", either)]).toEqual([
      "eager",
      "final",
      "final",
    ]);
    expect(judgedOf(count, "", findings)).toBe("eager");
  });
});

describe("what a correlation of correlations reads of the inner ones", () => {
  const child = correlationDocument("c1", COUNT);
  const parent = (body: string): ReturnType<typeof parse> => parse(docs(a, b, child, correlationDocument("c2", body)));

  test("a count of them is judged at once; what reads their number, and every sum, is final", () => {
    const judged = (body: string): string => correlationOf(parent(body), "c2").judged;
    expect(judged("type: event_count, rules: [c1], timespan: 1h, condition: {gte: 2}")).toBe("eager");
    expect(judged("type: temporal_ordered, rules: [c1, bb], timespan: 1h")).toBe("eager");
    expect(judged("type: value_count, rules: [c1], timespan: 1h, condition: {field: u, gte: 2}")).toBe("eager");
    expect(judged("type: value_count, rules: [c1], timespan: 1h, condition: {field: state.aggregate, gte: 2}")).toBe(
      "final",
    );
    expect(judged("type: value_sum, rules: [c1], timespan: 1h, condition: {field: u, gte: 2}")).toBe("final");
  });

  test.for<[string, string]>([
    ["type: value_count, rules: [c1], timespan: 1h, condition: {field: v, gte: 2}", "`v` is not in the group-by"],
    ["type: value_sum, rules: [aa], timespan: 1h, condition: {field: state.aggregate, gte: 2}", "`aa` is none"],
    ["type: value_sum, rules: [c1, aa], timespan: 1h, condition: {field: state.aggregate, gte: 2}", "`aa` is none"],
  ])("%s", ([body, words]) => {
    expect(parent(body).problems).toMatchObject([
      { severity: "error", code: "correlation_field", message: expect.stringContaining(words) as unknown },
    ]);
  });

  test("an alias reads the number of one and a field of the other", () => {
    const body = "type: value_sum, rules: [c1, aa], timespan: 1h, aliases: {x: {c1: state.aggregate, aa: f}}";
    expect(parent(`${body}, condition: {field: x, gte: 2}`).problems).toStrictEqual([]);
  });
});
