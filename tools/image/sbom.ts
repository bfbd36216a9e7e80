/**
 * Writes the bill of materials of the container image to stdout, as CycloneDX 1.6 JSON: packages of npm, Node itself, and
 * the Debian packages of the base image. The Dockerfile runs it where production packages alone are left.
 *
 *   node sbom.ts [FOLDER]
 *
 * Why not `npm sbom`: of a lock file it lists the direct dependencies only, and of a folder without the development
 * packages it lists nothing (npm 11.19). Nothing of the moment is in it (no time, no serial number): the same input gives
 * the same file. It asks no network. Schema: https://cyclonedx.org/docs/1.6/json/
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** An entry of package-lock.json (lockfileVersion 3), as far as it is used. */
type Locked = {
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
};
/** Entries of a lock file by their path, such as node_modules/a/node_modules/b. */
export type Lock = { readonly packages: Readonly<Record<string, Locked>> };
/** A Debian package. `source`: the package that its security notices name. */
export type Debian = {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly source: string;
};

type License = { readonly license: { readonly id: string } } | { readonly expression: string };
export type Component = {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly cpe?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly License[];
};
/** The document. */
export type Bom = {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: { readonly lifecycles: readonly { readonly phase: "build" }[]; readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
};

/** What the image holds. `installed`: what npm says it installed; `distro` such as debian-12. */
export type Contents = {
  readonly root: Locked;
  readonly installed: Lock;
  readonly node: string;
  readonly debian: readonly Debian[];
  readonly distro: string;
};

/** The bill of materials of it. */
export function toBom({ root, installed, node, debian, distro }: Contents): Bom {
  const packages = Object.entries(installed.packages).filter(([path, { dev }]) => path !== "" && dev !== true);
  const known = new Map(packages.map(([path, one]) => [path, refOf(path, one)]));
  const own: Component = { ...fromNpm("", root), type: "application" };
  const platform = fromNode(node);
  const system = debian.map((one) => fromDebian(one, distro));
  const components = [...packages.map(([path, one]) => fromNpm(path, one)), platform, ...system];
  const byRef = new Map(components.map((one) => [one["bom-ref"], one]));
  const npmDependencies = packages.map(([path, one]) => [refOf(path, one), resolveAll(path, one, known)] as const);
  const edges = new Map<string, readonly string[]>([
    [own["bom-ref"], [...resolveAll("", root, known), platform["bom-ref"], ...system.map((one) => one["bom-ref"])]],
    ...npmDependencies,
  ]);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { lifecycles: [{ phase: "build" }], component: own },
    components: [...byRef.values()].toSorted((one, other) => (one["bom-ref"] < other["bom-ref"] ? -1 : 1)),
    dependencies: [...edges].map(([ref, dependsOn]) => ({ ref, dependsOn: [...new Set(dependsOn)].toSorted() })),
  };
}

const nameOf = (path: string, { name }: Locked): string =>
  name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

function refOf(path: string, one: Locked): string {
  const [scope, name] = nameOf(path, one).split(/\/(?=[^/]*$)/);
  const full = name === undefined ? scope : `${encodeURIComponent(scope ?? "")}/${name}`;
  return `pkg:npm/${full}@${one.version ?? ""}`;
}

function fromNpm(path: string, one: Locked): Component {
  const [, alg = "", base64 = ""] = /^sha(\d+)-(\S+)$/.exec(one.integrity ?? "") ?? [];
  const hash = { alg: `SHA-${alg}`, content: Buffer.from(base64, "base64").toString("hex") };
  const ref = refOf(path, one);
  return {
    type: "library",
    "bom-ref": ref,
    name: nameOf(path, one),
    version: one.version ?? "",
    purl: ref,
    ...(alg === "" ? {} : { hashes: [hash] }),
    ...(one.license === undefined ? {} : { licenses: [toLicense(one.license)] }),
  };
}

const toLicense = (text: string): License => (/[\s(]/.test(text) ? { expression: text } : { license: { id: text } });

function fromNode(version: string): Component {
  const purl = `pkg:generic/node@${version}`;
  const cpe = `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`;
  return { type: "platform", "bom-ref": purl, name: "node", version, purl, cpe, licenses: [toLicense("MIT")] };
}

/** https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md */
function fromDebian({ name, version, arch, source }: Debian, distro: string): Component {
  const text = encodeURIComponent(version).replaceAll("%3A", ":");
  const upstream = source === name ? "" : `&upstream=${source}`;
  const purl = `pkg:deb/debian/${name}@${text}?arch=${arch}&distro=${distro}${upstream}`;
  return { type: "library", "bom-ref": purl, name, version, purl };
}

/** What it depends on and is there: optional and peer packages may be absent. As Node finds them, from the inside out. */
function resolveAll(path: string, one: Locked, known: ReadonlyMap<string, string>): readonly string[] {
  const names = Object.keys({ ...one.dependencies, ...one.optionalDependencies, ...one.peerDependencies });
  return names.flatMap((name) => {
    for (let place = path; ; place = place.slice(0, Math.max(0, place.lastIndexOf("/node_modules/")))) {
      const found = known.get(place === "" ? `node_modules/${name}` : `${place}/node_modules/${name}`);
      if (found !== undefined) return [found];
      if (place === "") return [];
    }
  });
}

/** Debian packages of this machine; none where there is no dpkg. */
function readDebian(): readonly Debian[] {
  const format = "${Package} ${Version} ${Architecture} ${source:Package}\\n";
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", format], { encoding: "utf8" });
  if (status !== 0) return [];
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", version = "", arch = "", source = name] = line.split(" ");
      return { name, version, arch, source };
    });
}

function readDistro(): string {
  const text = readFileSync("/etc/os-release", "utf8");
  const [, version = ""] = /^VERSION_ID="?([^"\n]+)"?$/m.exec(text) ?? [];
  return `debian-${version}`;
}

function readContents(folder: string): Contents {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(folder, path), "utf8"));
  const debian = readDebian();
  return {
    root: read("package.json") as Locked,
    installed: read("node_modules/.package-lock.json") as Lock,
    node: process.versions.node,
    debian,
    distro: debian.length === 0 ? "" : readDistro(),
  };
}

if (process.argv[1] === import.meta.filename) {
  const folder = process.argv[2] ?? dirname(dirname(import.meta.dirname));
  process.stdout.write(`${JSON.stringify(toBom(readContents(folder)), null, 1)}\n`);
}
