/**
 * Where the broker of the tests lies: the cache of this user, the jars that are expected in it, and the Java to run them.
 *
 * Nothing is fetched or started here. `jars.lock` names each jar by group, artifact and version with its sha256; a change
 * of the lock makes another folder, so that two checkouts share the cache without harm.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../cache.ts";

/** A jar of the lock. `path` is that of a Maven repository. */
export type Jar = { readonly sha256: string; readonly file: string; readonly path: string };

const env = process.env;

export const JARS: readonly Jar[] = readFileSync(join(import.meta.dirname, "jars.lock"), "utf8")
  .trim()
  .split("\n")
  .map((line) => {
    const [sha256 = "", name = ""] = line.split(" ");
    const [group = "", artifact = "", version = ""] = name.split(":");
    const file = `${artifact}-${version}.jar`;
    return { sha256, file, path: `${group.replaceAll(".", "/")}/${artifact}/${version}/${file}` };
  });

/** Folder of the jars. */
export const LIBS: string = join(CACHE, `kafka-${digest(JARS.map(({ sha256 }) => sha256).join())}`);

/** Flags of a small, quickly started virtual machine: 150 MB and 0.6 s instead of 380 MB and 1.7 s. */
export const JVM: readonly string[] = [
  "-Xms96m",
  "-Xmx320m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-XX:-UsePerfData",
];

/** The class path, always in the same order: a class archive is tied to it. */
export const CLASS_PATH: string = JARS.map(({ file }) => join(LIBS, file))
  .toSorted()
  .join(":");

/** Path of a Java of 17 or newer with the version that it tells, or why there is none. */
export function findJava(): { readonly java: string; readonly version: string } | { readonly missing: string } {
  const home = env["JAVA_HOME"];
  const candidates = [...(home === undefined ? [] : [join(home, "bin", "java")]), "java"];
  const remedy = "install openjdk-17-jre-headless and maven, or set KAFKA_BROKERS to a running broker";
  for (const java of candidates) {
    const { status, stderr } = spawnSync(java, ["-version"], { encoding: "utf8", timeout: 30_000 });
    if (status !== 0) continue;
    const major = Number(/version "(?:1\.)?(\d+)/.exec(stderr)?.[1] ?? 0);
    return major >= 17 ? { java, version: stderr } : { missing: `Java ${major} is too old, 17 is needed: ${remedy}` };
  }
  return { missing: `there is no Java: ${remedy}` };
}

/** The class archive for this Java and these jars, whether it is there or not. */
export function archivePath(version: string): string {
  return join(CACHE, `classes-${digest([LIBS, version, ...JVM].join("\n"))}.jsa`);
}

/** The archive's flag where the archive is there. */
export function archiveFlags(version: string): string[] {
  const archive = archivePath(version);
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, "-Xlog:cds=off", "-Xlog:cds+dynamic=off"] : [];
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
