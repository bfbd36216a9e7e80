/** deploy/compose: what it says of Sagewatch is what Sagewatch takes, and the container is held as tightly as promised. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { findProgram } from "../support/deploy/programs.ts";

type Service = {
  readonly image?: string;
  readonly build?: { readonly context: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
} & Readonly<Record<string, unknown>>;

const folder = join(import.meta.dirname, "../../deploy/compose");
const compose = parse(readFileSync(join(folder, "compose.yml"), "utf8"), { merge: true }) as {
  services: Readonly<Record<"kafka" | "topic" | "sagewatch", Service>>;
  volumes: Readonly<Record<string, null>>;
};
const { config } = parseConfig(readFileSync(join(folder, "sagewatch.yml"), "utf8"), { adapters: ADAPTERS, path: null });
const { kafka, topic, sagewatch } = compose.services;

test("the configuration is valid and sends to the broker and topic that are there", () => {
  const [sink] = config.sinks;
  expect(sink).toMatchObject({ type: "kafka", brokers: ["kafka:9092"] });
  expect(kafka.environment?.["KAFKA_ADVERTISED_LISTENERS"]).toBe("PLAINTEXT://kafka:9092");
  expect(topic.command).toContain(`--topic=${String(sink?.["topic"])}`);
});

test("what is mounted is what the configuration reads, and the state is on a volume", () => {
  const mounts = (sagewatch.volumes ?? []).map((volume) => volume.replace(/^\$\{[^}]*\}/, "SPOOL").split(":"));
  expect(mounts).toContainEqual(["./sagewatch.yml", "/etc/sagewatch/sagewatch.yml", "ro"]);
  expect(mounts).toContainEqual(["SPOOL", String((config.sources[0]?.["paths"] as string[] | undefined)?.[0]), "ro"]);
  expect(mounts).toContainEqual(["sagewatch-state", "/var/lib/sagewatch"]);
  expect(existsSync(join(folder, sagewatch.build?.context ?? "", "Dockerfile"))).toBe(true);
  for (const service of [kafka, sagewatch])
    for (const volume of service.volumes ?? [])
      expect(
        volume.startsWith(".") || volume.startsWith("$") || Object.hasOwn(compose.volumes, volume.split(":")[0] ?? ""),
      ).toBe(true);
});

test("the container has no right that it does not need, and images are named with a version", () => {
  expect(sagewatch).toMatchObject({
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    stop_grace_period: "30s",
  });
  expect(kafka.image).toMatch(/^apache\/kafka:\d+\.\d+\.\d+$/);
  expect(topic.image).toBe(kafka.image);
  // Alerts wait for Kafka; Sagewatch does not.
  expect(sagewatch.depends_on).toBeUndefined();
});

const checker = findProgram("check-jsonschema");
const note = "missing" in checker ? ` (skipped: ${checker.missing})` : "";

test.skipIf("missing" in checker)(`the file is one by the schema of Compose${note}`, () => {
  const check = (path: string): number | null =>
    spawnSync("path" in checker ? checker.path : "", ["--builtin-schema", "vendor.compose-spec", path]).status;
  const file = join(folder, "compose.yml");
  expect(check(file)).toBe(0);
  const spoiled = mkdtempSync(join(tmpdir(), "sagewatch-compose-"));
  try {
    const other = join(spoiled, "compose.yml");
    writeFileSync(other, readFileSync(file, "utf8").replace("read_only: true", "readonly: true"));
    expect(check(other)).toBe(1);
  } finally {
    rmSync(spoiled, { recursive: true, force: true });
  }
});
