// Ranges of ports as flows can match them: by value and mask.
import type { Masked } from 'node-openflow/flow'

const ALL = 0x10000

/** The fewest masked values that together are a range of ports, both ends included. */
export const portMasks = (first: number, last: number): readonly Masked<number>[] => {
  const masks: Masked<number>[] = []
  for (let from = first; from <= last; ) {
    let size = from === 0 ? ALL : from & -from
    while (from + size - 1 > last) size /= 2
    masks.push({ value: from, mask: ALL - size })
    from += size
  }
  return masks
}
