/**
 * What Helm makes of the chart: objects that Kubernetes takes, a pod with no right that it does not need, a configuration
 * that Sagewatch takes. Skipped by name where Helm or the validator is not there (test/support/deploy/programs.ts).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { findProgram } from "../support/deploy/programs.ts";

type Named = { readonly name: string } & Readonly<Record<string, unknown>>;
type Container = {
  readonly image: string;
  readonly env: readonly Named[];
  readonly volumeMounts: readonly (Named & { readonly mountPath: string; readonly readOnly?: boolean })[];
  readonly [key: string]: unknown;
};
type Pod = { readonly containers: readonly [Container]; readonly volumes: readonly Named[] } & Readonly<
  Record<string, unknown>
>;
type Item = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: Pod;
    };
    readonly [key: string]: unknown;
  };
};

const chart = join(import.meta.dirname, "../../deploy/helm/sagewatch");
const EKS = join(import.meta.dirname, "../../deploy/helm/eks.yml");
/** Oldest that the chart says it runs on, and the newest that the validator knows. */
const KUBERNETES = ["1.27", "1.37"];
const [helm, validator] = [findProgram("helm"), findProgram("kubernetes-validate")];
const folder = mkdtempSync(join(tmpdir(), "sagewatch-helm-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LEAST = {
  image: { repository: "registry.example/sagewatch" },
  config: { sources: [{ type: "file", paths: ["/spool"] }] },
};

/** Runs Helm on values: the text that it renders, or what it says against them. */
function template(values: unknown, file?: string): { readonly text: string; readonly said: string } {
  const own = join(folder, "values.yml");
  writeFileSync(own, stringify(values));
  const args = ["template", "watch", chart, "--namespace", "security", "--kube-version", "1.34.0", "-f", file ?? own];
  const { stdout, stderr } = spawnSync("path" in helm ? helm.path : "", args, { encoding: "utf8" });
  return { text: stdout, said: stderr };
}

function render(values: unknown, file?: string): readonly Item[] {
  const { text, said } = template(values, file);
  expect(said).toBe("");
  return parseAllDocuments(text).map((document) => document.toJS() as Item);
}

function only(items: readonly Item[], kind: string): Item {
  const found = items.filter((item) => item.kind === kind);
  expect([kind, found.length]).toEqual([kind, 1]);
  return found[0]!;
}

const configIn = (items: readonly Item[], environment: Readonly<Record<string, string>> = {}) =>
  parseConfig(items.find(({ data }) => data?.["sagewatch.yml"] !== undefined)?.data?.["sagewatch.yml"] ?? "", {
    adapters: ADAPTERS,
    path: null,
    environment,
  }).config;

const note = "missing" in helm ? ` (skipped: ${helm.missing})` : "";
describe.skipIf("missing" in helm)(`rendered by Helm${note}`, () => {
  test("the pod has no right that it does not need, and one writer has one volume", () => {
    const { spec } = only(render(LEAST), "StatefulSet");
    const pod = spec.template.spec;
    expect(spec).toMatchObject({
      replicas: 1,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [{ metadata: { name: "state" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    });
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
    expect(pod.containers[0]["securityContext"]).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const writable = pod.containers[0].volumeMounts.filter(({ readOnly }) => readOnly !== true);
    expect(writable.map(({ name, mountPath }) => [name, mountPath])).toEqual([["state", "/var/lib/sagewatch"]]);
    const state = pod.containers[0].env.find(({ name }) => name === "SAGEWATCH_STATE_DIR");
    // The root of a volume is open to others, which Sagewatch refuses.
    expect(state?.["value"]).toBe("/var/lib/sagewatch/state");
  });

  test("probes ask for health, and readiness for readiness alone; a drain has time", () => {
    const { containers, ...pod } = only(render(LEAST), "StatefulSet").spec.template.spec;
    const path = (probe: string): unknown => (containers[0][probe] as { httpGet: { path: string } }).httpGet.path;
    expect([path("startupProbe"), path("livenessProbe"), path("readinessProbe")]).toEqual([
      "/health",
      "/health",
      "/ready",
    ]);
    expect(pod["terminationGracePeriodSeconds"]).toBeGreaterThan(25);
  });

  test("least values make four objects, no budget, no policy", () => {
    const kinds = render(LEAST).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(["ConfigMap", "Service", "ServiceAccount", "StatefulSet"]);
  });

  test("the example for EKS: the role, secrets by reference, a configuration that is valid", () => {
    const items = render({}, EKS);
    const role = only(items, "ServiceAccount").metadata.annotations?.["eks.amazonaws.com/role-arn"];
    expect(role).toBe("arn:aws:iam::111122223333:role/sagewatch");
    const pod = only(items, "StatefulSet").spec.template.spec;
    expect(pod.containers[0].env).toContainEqual({
      name: "SLACK_WEBHOOK_URL",
      valueFrom: { secretKeyRef: { name: "sagewatch", key: "slack" } },
    });
    expect(pod.volumes).toContainEqual({ name: "secret-0", secret: { secretName: "kafka-ca", defaultMode: 0o440 } });
    expect(configIn(items, { SLACK_WEBHOOK_URL: "https://slack.example/x" }).sinks).toHaveLength(4);
    only(items, "ServiceMonitor");
    only(items, "NetworkPolicy");
  });

  test("rules of one's own are mounted and read beside the shipped ones; numbers and ids keep their meaning", () => {
    const config = {
      ...LEAST.config,
      state: { memoryBytes: 1_610_612_736 },
      accounts: { "000000000012": { name: "old" } },
      rules: { strict: true },
    };
    const items = render({ ...LEAST, config, rules: { "mine.yml": "title: Mine\n" } });
    const read = configIn(items);
    expect(read.rules).toMatchObject({
      paths: [expect.stringMatching(/detections$/), "/etc/sagewatch/rules"],
      strict: true,
    });
    expect(read.state.memoryBytes).toBe(1_610_612_736);
    expect(Object.keys(read.accounts)).toEqual(["000000000012"]);
    expect(items.find(({ metadata }) => metadata.name === "watch-sagewatch-rules")?.data).toEqual({
      "mine.yml": "title: Mine\n",
    });
    const mounts = only(items, "StatefulSet").spec.template.spec.containers[0].volumeMounts;
    expect(mounts).toContainEqual({ name: "rules", mountPath: "/etc/sagewatch/rules", readOnly: true });
  });

  test("a change of the configuration restarts the pod, a change of a rule does not", () => {
    const sum = (values: unknown): unknown =>
      only(render(values), "StatefulSet").spec.template.metadata.annotations["checksum/config"];
    const rules = (text: string): unknown => sum({ ...LEAST, rules: { "a.yml": text } });
    expect(sum({ ...LEAST, config: { ...LEAST.config, updateEvery: "5m" } })).not.toBe(sum(LEAST));
    expect(rules("title: One\n")).toBe(rules("title: Two\n"));
  });

  test("a network policy lets in what is named, to the port of the metrics, and lets out what is named and DNS", () => {
    const specOf = (networkPolicy: object): Item["spec"] =>
      only(render({ ...LEAST, networkPolicy: { enabled: true, ...networkPolicy } }), "NetworkPolicy").spec;
    expect(specOf({})).toMatchObject({ ingress: [], policyTypes: ["Ingress", "Egress"] });
    const open = specOf({ ingressFrom: [{ podSelector: {} }], egressPorts: [443, 9093] });
    expect(open["ingress"]).toEqual([{ from: [{ podSelector: {} }], ports: [{ port: 9464, protocol: "TCP" }] }]);
    const out = ["UDP 53", "TCP 53", "TCP 443", "TCP 9093"].map((text) => {
      const [protocol, port] = text.split(" ");
      return { port: Number(port), protocol };
    });
    expect(open["egress"]).toEqual([{ ports: out }]);
  });

  test("a digest takes the place of the tag", () => {
    const digest = `sha256:${"0a".repeat(32)}`;
    const image = { repository: "registry.example/sagewatch", tag: "x", digest };
    const { containers } = only(render({ ...LEAST, image }), "StatefulSet").spec.template.spec;
    expect(containers[0].image).toBe(`registry.example/sagewatch@${digest}`);
  });

  test.each([
    ["no image", { ...LEAST, image: {} }, "image.repository"],
    ["no source", { image: LEAST.image }, "config.sources"],
    ["no sink", { ...LEAST, config: { ...LEAST.config, sinks: [] } }, "config.sinks"],
    ["another port", { ...LEAST, config: { ...LEAST.config, http: { port: 1 } } }, "config.http"],
    ["another state folder", { ...LEAST, config: { ...LEAST.config, state: { dir: "/tmp" } } }, "config.state.dir"],
    ["an account without a name", { ...LEAST, serviceAccount: { create: false } }, "serviceAccount.name"],
    ["a misspelt value", { ...LEAST, persistance: {} }, "persistance"],
  ])("%s is refused with a word on what to do", (_what, values, word) => {
    const { text, said } = template(values);
    expect([text, said.includes(word)]).toEqual(["", true]);
  });

  const all = {
    ...(parse("{serviceMonitor: {enabled: true}, podDisruptionBudget: {enabled: true}}") as object),
    networkPolicy: {
      enabled: true,
      ingressFrom: [{ namespaceSelector: {} }],
      egress: [{ to: [{ ipBlock: { cidr: "169.254.170.23/32" } }], ports: [{ port: 80 }] }],
    },
    secretEnv: { TOKEN: { secret: "tokens", key: "a" } },
    secretFiles: [{ secret: "ca", mountPath: "/etc/sagewatch/ca" }],
    env: { AWS_REGION: "eu-west-1" },
    imagePullSecrets: [{ name: "pull" }],
    tolerations: [{ key: "dedicated", operator: "Exists" }],
    affinity: { nodeAffinity: {} },
    podLabels: { team: "security" },
    podAnnotations: { "karpenter.sh/do-not-disrupt": "true" },
    nodeSelector: { zone: "a" },
    priorityClassName: "high",
    rules: { "a.yml": "title: x\n" },
  };
  const reason = "missing" in validator ? ` (skipped: ${validator.missing})` : "";
  describe.skipIf("missing" in validator)(`held against Kubernetes' own schemas${reason}`, () => {
    const validate = (text: string, version: string): { readonly status: number | null; readonly said: string } => {
      const file = join(folder, "rendered.yml");
      writeFileSync(file, text);
      const args = ["--strict", "--quiet", "-k", version, file];
      const { status, stdout, stderr } = spawnSync("path" in validator ? validator.path : "", args, {
        encoding: "utf8",
      });
      return { status, said: `${stdout}${stderr}` };
    };
    const sets = [
      ["least values", LEAST],
      ["all values", { ...LEAST, ...all }],
    ] as const;
    test.each(KUBERNETES.flatMap((version) => sets.map(([what, values]) => [what, version, values] as const)))(
      "%s, Kubernetes %s",
      (_what, version, values) => {
        const { text, said } = template(values);
        expect(said).toBe("");
        const found = validate(text, version);
        const unknown = found.said.split("\n").filter((line) => line !== "" && !line.includes("kind ServiceMonitor"));
        expect([found.status, unknown]).toEqual([0, []]);
        expect(validate(text.replace("replicas: 1", "replica: 1"), version).status).not.toBe(0);
      },
    );
  });
});
