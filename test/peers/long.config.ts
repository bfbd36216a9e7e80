// The tests over other emulators of AWS, which `npm test` leaves out: npm run test:peers.
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/peers/**/*.{test,long}.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { SAGEWATCH_HTTP: "off" },
    fsModuleCache: false,
    fileParallelism: false,
  },
});

export default config;
