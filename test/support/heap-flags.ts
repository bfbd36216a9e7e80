/** The heap flags of tools/run.mjs, for tests that start a daemon or a part of it by themselves. */
export const HEAP_FLAGS: readonly string[] = [
  "--max-semi-space-size=8",
  "--heap-growing-percent=100",
  "--v8-pool-size=1",
];
