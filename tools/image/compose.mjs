// Docker Compose for the compose test: the machine's own plugin, else Debian's docker-compose 1.29, unpacked into a folder.
//
// The old one does not know the key `name` of a compose file: it gets the file without it and the name as an option. That
// is the only difference; what else the file says is taken as it stands.
import * as fs from "node:fs";
import * as path from "node:path";
import { unpack } from "./engine.mjs";
import { CannotRun, output, say, works } from "./shell.mjs";

const LIBRARIES =
  "attr certifi chardet charset-normalizer distro docker dockerpty docopt dotenv idna jsonschema packaging pyrsistent requests six texttable urllib3 websocket yaml";
const PACKAGES = ["docker-compose", ...LIBRARIES.split(" ").map((name) => `python3-${name}`)];

/** A function that runs compose with its arguments over `files`, `env` added to the surroundings. */
export async function openCompose(engine, { folder, files, env }) {
  const surroundings = { ...process.env, ...env, DOCKER_HOST: engine.host ?? process.env.DOCKER_HOST ?? "" };
  const flags = files.flatMap((file) => ["-f", file]);
  if (works("docker", ["compose", "version"])) {
    say("compose: the plugin of docker");
    return (args) => output("docker", ["compose", ...flags, ...args], { env: surroundings });
  }
  if (!works("python3", ["--version"]))
    throw new CannotRun("no docker compose, and no Python for Debian's docker-compose");
  const place = path.join(folder, "compose");
  await unpack(PACKAGES, place);
  const [name, older] = withoutName(files[0], folder);
  const program = path.join(place, "usr/bin/docker-compose");
  const libraries = path.join(place, "usr/lib/python3/dist-packages");
  const run = (args) =>
    output(
      "python3",
      [program, "-p", name, "--project-directory", path.dirname(files[0]), "-f", older, ...flags.slice(2), ...args],
      { env: { ...surroundings, PYTHONPATH: libraries } },
    );
  say(`compose: ${await run(["version", "--short"])} of Debian`);
  return run;
}

function withoutName(file, folder) {
  const text = fs.readFileSync(file, "utf8");
  const name = /^name: (\S+)$/m.exec(text)[1];
  const older = path.join(folder, "compose-without-name.yml");
  fs.writeFileSync(older, text.replace(/^name: .*$/m, ""));
  return [name, older];
}
