/** Log source fields that the configuration declares: known to `rules check`, met where the values are the same. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import { call } from "../../commands/cli.ts";
import { createPlace, type Place, replay, write } from "../make.ts";

const rule = (id: number, logsource: string): string => `title: Rule ${id}
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9e0${id}
status: experimental
level: low
logsource: {${logsource}}
detection:
  call: {eventName: ListModels}
  condition: call
`;
const RULES = [
  rule(1, "product: aws, service: cloudtrail, tenant: Acme"),
  rule(2, "product: aws, service: cloudtrail, tenant: other"),
  rule(3, "tenant: acme"),
  rule(4, "product: aws, service: cloudtrail, region: eu"),
].join("---\n");
const record = {
  eventID: "e1",
  eventTime: "2026-03-10T08:00:00Z",
  eventSource: "sagemaker.amazonaws.com",
  eventName: "ListModels",
  awsRegion: "eu-west-1",
  recipientAccountId: "111122223333",
  userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
};

const text = (place: Place, logsource: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    state: { dir: place.state },
    sources: [{ type: "file", paths: [place.input] }],
    sinks: [{ type: "file", path: place.sink }],
    rules: { paths: [join(place.root, "own.yml")], logsource },
  });

test("a declared field is known and met where its value is the same; others are told and meet nothing", async () => {
  const place = createPlace();
  write(join(place.root, "own.yml"), RULES);
  write(join(place.input, "a.json"), JSON.stringify({ Records: [record] }));
  const path = write(join(place.root, "sagewatch.yml"), text(place, { tenant: "ACME" }));
  const { stdout } = await call("rules", "check", "--config", path, "--format", "json", join(place.root, "own.yml"));
  const told = JSON.parse(stdout) as { errors: unknown[]; warnings: { code: string; value: string }[] };
  expect(told.errors).toEqual([]);
  expect(told.warnings.filter(({ code }) => code.startsWith("logsource"))).toMatchObject([{ value: "region" }]);

  const { config } = parseConfig(text(place, { tenant: "ACME" }), { adapters: ADAPTERS, path: null });
  const { alerts } = await replay(config, [place.input]);
  expect(alerts.map(({ ruleName }) => ruleName).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["Rule 1", "Rule 3"]);
  const none = parseConfig(text(place, {}), { adapters: ADAPTERS, path: null }).config;
  expect((await replay(none, [place.input])).alerts).toEqual([]);
});

test("a field that has a meaning already cannot be declared", () => {
  const place = createPlace();
  for (const name of ["product", "definition", "two words"])
    expect(() => parseConfig(text(place, { [name]: "x" }), { adapters: ADAPTERS, path: null })).toThrow(/logsource/);
});
