// How the tests run. Every test may start real processes and real files on a slow, shared machine, so the time limit is
// wide, and still finite: a test that hangs must fail by its own name. Nothing is written into node_modules.
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/tally.ts",
    // Most files wait for daemons, brokers and clocks: by itself vitest would leave a core of two free for its own work.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Daemons of several tests run at once; one port serves one of them. Tests of it name their own.
    env: { SAGEWATCH_HTTP: "off" },
    fsModuleCache: false,
    coverage: { provider: "v8", include: ["src/**"], reporter: ["text-summary"] },
  },
});

export default config;
