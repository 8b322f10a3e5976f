// Short lists that stay: the compiler keeps several for each record, so that their size is much of its memory.

/** The list to begin with. Nothing is ever put into it: `append` makes a new one for the first item. */
export const EMPTY: never[] = []

/** `list` with one more item: itself, or while it is short a copy of just that size (`push` makes room for seventeen). */
export const append = <T>(list: T[], item: T): T[] => {
  const [a, b] = list as [T, T]
  switch (list.length) {
    case 0:
      return [item]
    case 1:
      return [a, item]
    case 2:
      return [a, b, item]
  }
  list.push(item)
  return list
}
