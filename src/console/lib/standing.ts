// How a chassis stands, in one word.
import type { FeedChassis } from '#api/feed-messages'

/** From best to worst. */
export type Standing = 'in_sync' | 'verifying' | 'opening' | 'reconciling' | 'draining' | 'waiting' | 'refused' | 'away'

const order: readonly string[] = ['in_sync', 'verifying', 'opening', 'reconciling', 'away']

/** The worse of its two bridges, or what keeps it from being programmed at all. */
export const stateOf = ({ refused, admission, connected, bridges }: FeedChassis): Standing => {
  if (refused !== '') return 'refused'
  if (admission === 'waiting' || admission === 'draining') return admission
  if (!connected || bridges === null) return 'away'
  const worst = Object.values(bridges)
    .map(({ state }) => state)
    .toSorted((a, b) => order.indexOf(b) - order.indexOf(a))[0]
  return worst as Standing
}

/** Whether somebody should look. */
export const isBad = (c: FeedChassis): boolean => ['away', 'refused', 'waiting'].includes(stateOf(c))

/** Flows that it should hold. */
export const flowsOf = ({ bridges }: FeedChassis): number =>
  bridges === null ? 0 : bridges['br-int'].flows + bridges['br-tun'].flows
