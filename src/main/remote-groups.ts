// The remote groups that a flow puts an address into, read from the flow: the page that it matches, the bits that it sets.
import type { FlowEntry } from '#compiler'
import { page, remoteGroups } from '#flows/registers'
import { PAGE_BITS } from '#model'

/** Undefined for a flow that sets no such bit. */
export const remoteGroupsIn = ({
  match,
  actions,
}: Pick<FlowEntry['flow'], 'match' | 'actions'>):
  | { readonly page: number; readonly bits: readonly number[] }
  | undefined => {
  const value = (match as Readonly<Record<string, unknown>>)[page.field]
  const set = actions.flatMap(action =>
    action.type === 'set_field' && action.field === remoteGroups.field ? [BigInt(action.value as bigint)] : [],
  )
  const all = set.reduce((bits, some) => bits | some, 0n)
  if (typeof value !== 'number' || all === 0n) return undefined
  return {
    page: value,
    bits: Array.from({ length: PAGE_BITS }, (_, bit) => bit).filter(bit => (all >> BigInt(bit)) & 1n),
  }
}
