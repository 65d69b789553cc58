/** How many entries of maps and sets are gone through while something runs: what it costs, without a clock. */
export function looksDuring(work: () => void): number {
  const iterators = [new Map<unknown, unknown>(), new Set<unknown>()].map(
    (collection) => Object.getPrototypeOf(collection[Symbol.iterator]()) as { next: () => unknown },
  );
  const originals = iterators.map(({ next }) => next);
  let looks = 0;

  for (const [index, iterator] of iterators.entries()) {
    iterator.next = function next(this: unknown) {
      looks += 1;

      return originals[index]?.call(this);
    };
  }

  try {
    work();
  } finally {
    for (const [index, iterator] of iterators.entries()) {
      iterator.next = originals[index] ?? iterator.next;
    }
  }

  return looks;
}
