// Long work in slices, so that it holds nobody up.

/** Milliseconds of work at a time. */
const SLICE = 8

/**
 * Calls `work` with each item, and lets others have their turn every few milliseconds; `between` is then called, and says
 * whether to go on. Resolves with whether it came to the end.
 */
export const inSlices = async <T>(
  items: Iterable<T>,
  work: (item: T) => void,
  between: () => boolean,
): Promise<boolean> => {
  let end = performance.now() + SLICE
  for (const item of items) {
    work(item)
    if (performance.now() < end) continue
    await new Promise(setImmediate)
    if (!between()) return false
    end = performance.now() + SLICE
  }
  return true
}
