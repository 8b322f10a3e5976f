// What the rows that want the same match come to: one flow, as the rules of its table say, and the rows left out of it.
import { joinActions } from './encode.ts'
import type { Conflict } from './flow-set.ts'
import type { Wish } from './wish.ts'

/** The instructions of a flow in bytes, and the wishes left out of it, with the reason. */
interface Merged {
  readonly instructions: string
  readonly reason: Conflict['reason']
  readonly refused: readonly Wish[]
}

/** Merges wishes, one at least, given in their order. */
export const merge = (wishes: readonly Wish[]): Merged => {
  const [first, ...others] = wishes as [Wish, ...Wish[]]
  const how = first.origin.rule?.merge
  if (how === 'union') return union(wishes)
  const isRefused = (wish: Wish) => how === undefined || wish.text !== first.text
  return { instructions: first.text, reason: 'match', refused: others.filter(isRefused) }
}

/** The actions of all, equal ones once, as far as the limit lets them in. */
const union = (wishes: readonly Wish[]): Merged => {
  const lists: string[] = []
  const refused: Wish[] = []
  /** By the actions of a wish, whether they are in. */
  const decided = new Map<string, boolean>()
  let weight = 0
  for (const wish of wishes) {
    let isIn = decided.get(wish.text)
    if (isIn === undefined) {
      const limit = wish.origin.rule?.limit
      // What is refused weighs too, so that all after it are refused: they may need what came before them.
      if (limit !== undefined) weight += wish.share.weight
      isIn = limit === undefined || weight <= limit
      decided.set(wish.text, isIn)
      if (isIn && wish.text !== '') lists.push(wish.text)
    }
    if (!isIn) refused.push(wish)
  }
  return { instructions: joinActions(lists), reason: 'limit', refused }
}
