// Why a flow drops what it matches: as its table says, in words.
import type { ReasonView } from '#api'
import type { FlowEntry, Table } from '#compiler'
import { dropReasons } from '#flows/drop-reasons'

/** Undefined for a flow that does not drop. */
export const dropReason = (
  { priority, instructions }: Pick<FlowEntry, 'priority' | 'instructions'>,
  table: Table | undefined,
): ReasonView | undefined => {
  const reason = instructions.length > 0 ? undefined : table?.drops.get(priority)
  return reason === undefined ? undefined : { reason, words: (dropReasons as Record<string, string>)[reason] ?? reason }
}
