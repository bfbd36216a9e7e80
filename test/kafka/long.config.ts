// The long Kafka tests, which `npm test` leaves out: npm run test:kafka.
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/kafka/**/*.{test,long}.ts"],
    testTimeout: 900_000,
    hookTimeout: 180_000,
    fsModuleCache: false,
    // One broker, or one cluster, at a time.
    fileParallelism: false,
  },
});

export default config;
