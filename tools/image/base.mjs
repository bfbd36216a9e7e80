// The base image of the test: the Dockerfile's own where it can be fetched, else a stand-in of the same build.
//
// The stand-in is Debian's minimal system with the Node that runs this script, the host's npm and its certificates,
// and a user of uid 1000. So the very same Dockerfile is tested on a machine that reaches no image registry. The
// host's certificates and registry setting go into the stand-in only, never into the product's image definition.
import * as fs from "node:fs";
import * as path from "node:path";
import { unpack } from "./engine.mjs";
import { CannotRun, output, say, works } from "./shell.mjs";

/** Name of the image that stands in for the base. */
export const STAND_IN = "sagewatch-test-base";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const PULL_LIMIT_MS = 60_000;

/** Name of an image to build on. */
export async function findBase(engine, { folder, wanted }) {
  try {
    await engine.run(["pull", wanted], { timeout: PULL_LIMIT_MS });
    return wanted;
  } catch {
    say(`${wanted} cannot be fetched: building a stand-in from Debian packages`);
  }
  if (!works("apt-get", ["--version"]) || process.getuid() !== 0) {
    throw new CannotRun(`${wanted} cannot be fetched, and a stand-in needs root on Debian or Ubuntu.`);
  }
  return buildStandIn(engine, path.join(folder, "base"));
}

async function buildStandIn(engine, folder) {
  fs.mkdirSync(folder, { recursive: true });
  await makeRootFileSystem(folder);
  fs.copyFileSync(process.execPath, path.join(folder, "node"));
  fs.cpSync(await findNpm(), path.join(folder, "npm"), { recursive: true });
  fs.copyFileSync(CERTIFICATES, path.join(folder, "host.crt"));
  const registry = await output("npm", ["config", "get", "registry"], { cwd: "/" });
  fs.writeFileSync(path.join(folder, "Dockerfile"), standInDockerfile(registry));
  await engine.run(["build", "--network=host", "-t", STAND_IN, folder]);
  return STAND_IN;
}

function standInDockerfile(registry) {
  return [
    "FROM scratch",
    "ADD rootfs.tar /",
    "COPY node /usr/local/bin/node",
    "COPY npm /usr/local/lib/node_modules/npm",
    `COPY host.crt ${CERTIFICATES}`,
    `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES} npm_config_registry=${registry}`,
    "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --create-home node",
    'CMD ["node"]',
    "",
  ].join("\n");
}

async function makeRootFileSystem(folder) {
  const tool = path.join(folder, "tool");
  await unpack(["mmdebstrap"], tool);
  const release = /^VERSION_CODENAME=(.+)$/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
  say(`making a minimal ${release}`);
  const args = ["--variant=minbase", "--include=ca-certificates", release, path.join(folder, "rootfs.tar")];
  await output(path.join(tool, "usr/bin/mmdebstrap"), args);
}

/** Folder of the npm that is on the PATH. */
async function findNpm() {
  const folder = path.join(await output("npm", ["root", "--global"], { cwd: "/" }), "npm");
  if (!fs.existsSync(path.join(folder, "bin/npm-cli.js"))) throw new CannotRun(`no npm in ${folder}`);
  return fs.realpathSync(folder);
}
