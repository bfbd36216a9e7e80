/** Time that work takes by itself: other tests take the cores away for a while, and a wall clock counts that too. */

/** CPU time of this thread so far, ms. */
export function cpuMs(): number {
  return process.threadCpuUsage().user / 1000;
}
