// Reads a bridge: its stamp alone, or all flows with our mark.
import { COOKIE_MARK } from '#compiler/encode'
import type { Comparison } from './comparison.ts'
import { digestIn, STAMP_COOKIE, STAMP_TABLE } from './stamp.ts'
import type { Switch } from './switch.ts'

/** A mask that leaves nothing out. */
export const ALL_BITS = 0xffffffffffffffffn
const MARK_SHIFT = 48n
const MARK_BITS = 0xffffn << MARK_SHIFT

/** All flows with our mark. */
export const OURS = { cookie: COOKIE_MARK << MARK_SHIFT, mask: MARK_BITS }

/** The digest in a bridge's stamp; undefined when it has none. Rejects with SwitchLost. */
export const readStamp = async (sw: Switch): Promise<bigint | undefined> => {
  let stamp: bigint | undefined
  for await (const flows of sw.flows({ cookie: STAMP_COOKIE, mask: ALL_BITS, table: STAMP_TABLE }))
    for (const flow of flows) stamp = digestIn(flow.instructions)
  return stamp
}

/** Shows a comparison all flows of ours on a bridge. Rejects with SwitchLost. */
export const readOurs = async (sw: Switch, comparison: Comparison): Promise<void> => {
  for await (const flows of sw.flows(OURS))
    for (const flow of flows) if (flow.cookie !== STAMP_COOKIE) comparison.see(flow)
}
