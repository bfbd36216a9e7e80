// A container engine for the image test: the Docker daemon that runs already, else one of our own, unpacked from Debian
// packages into a temporary folder and ended with the test, else buildah and podman where they are installed.
//
// The own daemon has no bridge and sets no firewall rule, so it leaves nothing behind on the machine; it needs root.
// Answers `{ host, run(args), close() }`: run takes docker's arguments, host is the daemon's socket where it is not the
// usual one. Throws CannotRun when nothing can be had.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CannotRun, output, say, works } from "./shell.mjs";

const PACKAGES = ["docker.io", "containerd", "runc"];
const START_TRIES = 100;
const START_POLL_MS = 200;

export async function openEngine(folder) {
  if (works("docker", ["info"])) return commandEngine("docker", []);
  const refusal = await whyNoOwnDaemon();
  if (refusal === null) return startOwnDaemon(folder);
  if (works("podman", ["info"])) return commandEngine("podman", []);
  throw new CannotRun(
    `no container engine: no Docker daemon answers, none can be started here (${refusal}), and podman is not installed. ` +
      `Start Docker, or run this as root on Debian or Ubuntu.`,
  );
}

function commandEngine(command, flags, close = async () => {}) {
  say(`engine: ${[command, ...flags].join(" ")}`);
  return {
    host: flags[1],
    run: (args, options) =>
      output(command, [...flags, ...args], { ...options, env: { ...process.env, DOCKER_BUILDKIT: "0" } }),
    close,
  };
}

async function whyNoOwnDaemon() {
  if (process.platform !== "linux") return "not Linux";
  if (process.getuid() !== 0) return "not root";
  if (!works("apt-get", ["--version"]) || !works("dpkg", ["--version"])) return "no apt-get";
  return null;
}

async function startOwnDaemon(folder) {
  const unpacked = path.join(folder, "engine");
  await unpack(PACKAGES, unpacked);
  const binaries = [path.join(unpacked, "usr/sbin"), path.join(unpacked, "usr/bin")];
  const env = { ...process.env, PATH: [...binaries, process.env.PATH].join(path.delimiter) };
  const socket = `unix://${path.join(folder, "docker.sock")}`;
  const log = fs.openSync(path.join(folder, "dockerd.log"), "w");
  const daemon = spawn(path.join(binaries[0], "dockerd"), daemonFlags(folder, socket), {
    env,
    stdio: ["ignore", log, log],
  });
  const close = () => stopDaemon(daemon, folder);
  const client = works("docker", ["--version"]) ? "docker" : path.join(binaries[1], "docker");
  for (let tries = 0; tries < START_TRIES && daemon.exitCode === null; tries++) {
    if (works(client, ["-H", socket, "info"])) return commandEngine(client, ["-H", socket], close);
    await sleep(START_POLL_MS);
  }
  await close();
  const said = fs.readFileSync(path.join(folder, "dockerd.log"), "utf8").trim().split("\n").slice(-5).join("\n");
  throw new CannotRun(`the Docker daemon of docker.io does not start here:\n${said}`);
}

function daemonFlags(folder, socket) {
  const places = { "data-root": "docker-data", "exec-root": "docker-exec", pidfile: "docker.pid" };
  const flags = Object.entries(places).map(([flag, name]) => `--${flag}=${path.join(folder, name)}`);
  return [...flags, "-H", socket, "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"];
}

/** Debian packages into a folder, without installing them. */
export async function unpack(packages, folder) {
  const debs = `${folder}-debs`;
  fs.mkdirSync(debs, { recursive: true });
  say(`fetching ${packages.join(", ")}`);
  try {
    await output("apt-get", ["download", ...packages], { cwd: debs });
  } catch {
    await output("apt-get", ["update"]).catch(() => {}); // the lists may be old or absent
    await output("apt-get", ["download", ...packages], { cwd: debs }).catch((error) => {
      throw new CannotRun(`cannot fetch ${packages.join(", ")}: ${error.message}`);
    });
  }
  for (const deb of fs.readdirSync(debs)) await output("dpkg", ["-x", path.join(debs, deb), folder]);
}

async function stopDaemon(daemon, folder) {
  if (daemon.exitCode === null) {
    daemon.kill("SIGTERM");
    await new Promise((resolve) => daemon.once("exit", resolve));
  }
  // A storage driver may leave its own mount behind, which would keep the folder from being removed.
  for (const line of fs.readFileSync("/proc/self/mounts", "utf8").split("\n").toReversed()) {
    const place = line.split(" ")[1];
    if (place?.startsWith(`${folder}/`)) works("umount", [place]);
  }
}
