/**
 * Several streams as one: each goes on while others wait for AWS, and none runs ahead of who takes them.
 */

/** Takes from `streams` as they give, at most `most` of them under way. Ends all of them when it is ended itself. */
export async function* merge<T>(
  streams: readonly (() => AsyncGenerator<T, void>)[],
  most: number,
): AsyncGenerator<T, void> {
  type Step = { readonly stream: AsyncGenerator<T, void>; readonly result: IteratorResult<T, void> };
  const waiting = [...streams];
  const steps = new Map<AsyncGenerator<T, void>, Promise<Step>>();
  const step = (stream: AsyncGenerator<T, void>): void =>
    void steps.set(
      stream,
      stream.next().then((result) => ({ stream, result })),
    );
  const fill = (): void => {
    while (steps.size < most) {
      const open = waiting.shift();
      if (open === undefined) return;
      step(open());
    }
  };
  try {
    for (fill(); steps.size > 0; fill()) {
      const { stream, result } = await Promise.race(steps.values());
      steps.delete(stream);
      if (result.done === true) continue;
      yield result.value;
      step(stream);
    }
  } finally {
    const under = [...steps.keys()];
    await Promise.allSettled(steps.values());
    for (const stream of under) await stream.return();
  }
}
