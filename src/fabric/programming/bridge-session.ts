// One connection to a bridge, and what is known of the switch at its end: by its stamp, by what is on its way, by what
// reads it back.
import type { Change } from './change-log.ts'
import type { Repairs } from './repairs.ts'
import type { Switch } from './switch.ts'

/**
 * away: no connection. opening: the stamp is being read. reconciling: the stamp was not the expected one, the flows are
 * read back. verifying: in sync by its stamp, read back when its turn comes. in_sync: compared flow by flow.
 */
export type BridgeState = 'away' | 'opening' | 'reconciling' | 'verifying' | 'in_sync'

/** A connection, while it lasts. */
export interface Session {
  readonly switch: Switch
  state: Exclude<BridgeState, 'away'>
  since: number
  /** The stamp that the switch holds; undefined when it holds none that is true. */
  stamp: bigint | undefined
  readonly repairs: Repairs
  /** The read-back that tells what the bridge lacks as a whole; one that is begun later takes its place. */
  reconciliation: object | undefined
  /** For each read-back under way the changes since it began, by reference. */
  readonly readBacks: Set<Change[]>
  /** What was taken to be written and is not known to be done. */
  taken: Change | undefined
  /** The bundle on its way. */
  inFlight: { readonly stamp: bigint | undefined; readonly change: Change } | undefined
}

/** A connection of which nothing is known yet. */
export const newSession = (sw: Switch, since: number, repairs: Repairs): Session => ({
  switch: sw,
  state: 'opening',
  since,
  stamp: undefined,
  repairs,
  reconciliation: undefined,
  readBacks: new Set(),
  taken: undefined,
  inFlight: undefined,
})

/** What a bridge held when its connection was lost: one of two states if a bundle was on its way. */
export interface Known {
  readonly before: bigint
  readonly after: bigint
  readonly change: Change | undefined
}

/** What is known of a bridge when its connection is lost; undefined where its stamp told nothing. */
export const knownOf = ({ stamp, inFlight }: Session): Known | undefined =>
  stamp === undefined ? undefined : { before: stamp, after: inFlight?.stamp ?? stamp, change: inFlight?.change }

/** Whether a switch that comes back with this stamp holds what it held, and what of the bundle on its way it lacks. */
export const sinceLost = (
  known: Known | undefined,
  stamp: bigint | undefined,
): { readonly lacks: Change | undefined } | undefined => {
  if (known === undefined || stamp === undefined) return undefined
  if (stamp === known.after) return { lacks: undefined }
  return stamp === known.before ? { lacks: known.change } : undefined
}
