// What somebody who mistyped a name may have meant.

/** Letters to put in, take out or replace to make one word of another (Levenshtein). */
const edits = (from: string, to: string): number => {
  let above = Array.from({ length: to.length + 1 }, (_, n) => n)
  for (const [i, letter] of [...from].entries()) {
    const row = [i + 1]
    for (const [j, other] of [...to].entries())
      row.push(Math.min(row[j]! + 1, above[j + 1]! + 1, above[j]! + (letter === other ? 0 : 1)))
    above = row
  }
  return above[to.length]!
}

/** The name that is most like a word, if less than half of the word is wrong. */
export const nearest = (word: string, names: readonly string[]): string | undefined => {
  const text = word.slice(0, 100).toLowerCase()
  const [best] = names.map(name => [edits(text, name), name] as const).toSorted(([a], [b]) => a - b)
  return best && best[0] < text.length / 2 ? best[1] : undefined
}
