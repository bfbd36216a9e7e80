/** The bill of materials that the image brings: all that is installed, once, with what a scanner needs to know it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Bom, type Contents, type Lock, toBom } from "../../tools/image/sbom.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"));

const SHA = "sha512-" + Buffer.alloc(64, 7).toString("base64");
const SMALL: Contents = {
  root: { name: "sagewatch", version: "1.0.0", license: "Apache-2.0", dependencies: { a: "1", "@s/b": "1" } },
  installed: {
    packages: {
      "node_modules/a": { version: "1.2.3", integrity: SHA, license: "MIT", dependencies: { c: "^2", "@s/b": "1" } },
      "node_modules/@s/b": {
        version: "1.0.0",
        integrity: SHA,
        license: "(MIT OR ISC)",
        dependencies: { c: "^1" },
        peerDependencies: { a: "*" },
      },
      "node_modules/a/node_modules/c": { version: "2.0.0", integrity: SHA, license: "MIT" },
      "node_modules/c": { version: "1.0.0", integrity: SHA, license: "MIT", peerDependencies: { absent: "*" } },
      "node_modules/lint": { version: "9.0.0", integrity: SHA, license: "MIT", dev: true },
    },
  },
  node: "24.21.0",
  debian: [{ name: "libssl3", version: "1:3.0.15+b1", arch: "amd64", source: "openssl" }],
  distro: "debian-12",
};

const refs = ({ components }: Bom): readonly string[] => components.map((one) => one["bom-ref"]);
const dependsOn = ({ dependencies }: Bom, ref: string): readonly string[] | undefined =>
  dependencies.find((one) => one.ref === ref)?.dependsOn;

describe("of a few packages", () => {
  const bom = toBom(SMALL);

  test("names packages of npm, Node and Debian by the names that scanners know, and nothing of development", () => {
    expect(refs(bom)).toEqual([
      "pkg:deb/debian/libssl3@1:3.0.15%2Bb1?arch=amd64&distro=debian-12&upstream=openssl",
      "pkg:generic/node@24.21.0",
      "pkg:npm/%40s/b@1.0.0",
      "pkg:npm/a@1.2.3",
      "pkg:npm/c@1.0.0",
      "pkg:npm/c@2.0.0",
    ]);
    expect(bom.metadata.component).toMatchObject({ type: "application", name: "sagewatch", version: "1.0.0" });
  });

  test("says which of two versions a package gets, as Node finds them", () => {
    expect(dependsOn(bom, "pkg:npm/a@1.2.3")).toEqual(["pkg:npm/%40s/b@1.0.0", "pkg:npm/c@2.0.0"]);
    expect(dependsOn(bom, "pkg:npm/%40s/b@1.0.0")).toEqual(["pkg:npm/a@1.2.3", "pkg:npm/c@1.0.0"]);
    expect(dependsOn(bom, "pkg:npm/c@1.0.0")).toEqual([]);
  });

  test("carries the checksum of the lock file as hexadecimal, and licences as SPDX has them", () => {
    const [, , b, a] = bom.components;
    expect(a?.hashes).toEqual([{ alg: "SHA-512", content: "07".repeat(64) }]);
    expect([a?.licenses, b?.licenses]).toEqual([[{ license: { id: "MIT" } }], [{ expression: "(MIT OR ISC)" }]]);
  });
});

describe("of this checkout", () => {
  const lock = read("package-lock.json") as Lock & { readonly packages: Readonly<Record<string, { dev?: boolean }>> };
  const bom = toBom({ ...SMALL, root: lock.packages[""] ?? {}, installed: lock, debian: [] });
  const production = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && dev !== true);

  test("has every production package of the lock file, each with its checksum and licence", () => {
    expect(production.length).toBeGreaterThan(50);
    const names = new Set(bom.components.map(({ name, version }) => `${name} ${version}`));
    const wanted = production.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, "")} ${version}`);
    expect(wanted.filter((name) => !names.has(name))).toEqual([]);
    const bare = bom.components.filter(
      ({ purl, hashes, licenses }) => purl.startsWith("pkg:npm/") && !(hashes && licenses),
    );
    expect(bare).toEqual([]);
  });

  test("every edge ends at a component, each component is reached, and the same input gives the same text", () => {
    const known = new Set([...refs(bom), bom.metadata.component["bom-ref"]]);
    const ends = bom.dependencies.flatMap((one) => [one.ref, ...one.dependsOn]);
    expect(ends.filter((ref) => !known.has(ref))).toEqual([]);
    const reached = new Set(ends);
    expect(refs(bom).filter((ref) => !reached.has(ref))).toEqual([]);
    const again = toBom({ ...SMALL, root: lock.packages[""] ?? {}, installed: lock, debian: [] });
    expect(JSON.stringify(again)).toBe(JSON.stringify(bom));
  });

  test("the build writes it, and the image has it", () => {
    const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
    expect(dockerfile).toContain("RUN node sbom.ts . > sbom.cdx.json");
    expect(dockerfile).toMatch(/^COPY --from=build .*\/build\/sbom\.cdx\.json/m);
  });
});
