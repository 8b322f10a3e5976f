// Groups as data: what a flow can send packets to, to be copied, spread or given to whoever is alive. Their messages,
// and with them their bytes, are in message/group.ts.

import type { Action } from './actions.ts'
import type { Match } from './match.ts'

/** Kinds of groups by number: all buckets, one of them, the only one, the first that is alive. */
export const groupTypes = { all: 0, select: 1, indirect: 2, ff: 3 } as const

/** Commands by number. add_or_mod is Open vSwitch's own; buckets are inserted and removed from OpenFlow 1.5 on. */
export const groupCommands = {
  add: 0,
  modify: 1,
  delete: 2,
  insert_bucket: 3,
  remove_bucket: 5,
  add_or_mod: 0x8000,
} as const

/** OFPG_ALL and OFPG_ANY: all groups. */
export const ALL_GROUPS = 0xfffffffc
/** OFPG_BUCKET_FIRST, OFPG_BUCKET_LAST and OFPG_BUCKET_ALL: places for buckets. */
export const BUCKET_FIRST = 0xfffffffd
/** After the last bucket. */
export const BUCKET_LAST = 0xfffffffe
/** Every bucket. */
export const BUCKET_ALL = 0xffffffff

/** A property that this library does not know, of an experimenter's or of OpenFlow's. */
type Raw =
  | {
      readonly type: 'experimenter'
      readonly experimenter: number
      readonly expType: number
      readonly data: Uint8Array
    }
  | { readonly type: 'unknown'; readonly code: number; readonly data: Uint8Array }

/** What a group does with a packet, among other such things. */
export interface Bucket {
  /** OpenFlow 1.5; in a group it is unique. Missing: the lowest that is free; see `bucketIds`. */
  readonly bucketId?: number
  /** select groups; missing: 1. */
  readonly weight?: number
  readonly watchPort?: number
  readonly watchGroup?: number
  readonly actions: readonly Action[]
  /** OpenFlow 1.5: properties that this library does not know. */
  readonly properties?: readonly Raw[]
}

/** The ids of a group's buckets: each its own, and the lowest free ones in turn for those that have none. */
export function bucketIds(buckets: readonly Bucket[]): readonly number[] {
  const own = new Set(buckets.map(bucket => bucket.bucketId))
  let next = 0
  return buckets.map(({ bucketId }) => {
    if (bucketId !== undefined) return bucketId
    while (own.has(next)) next++
    return next++
  })
}

/** How a select group chooses (Open vSwitch, an extension by Netronome). */
export interface SelectionMethod {
  readonly type: 'selection_method'
  /** The experimenter under which it goes; missing: 0x154d. */
  readonly experimenter?: number
  readonly method: string
  readonly param: bigint
  /** The fields to hash, each with the mask that is applied to it. */
  readonly fields: Match
}

/** A property of a group. */
export type GroupProperty = SelectionMethod | Raw

/** A group (OpenFlow 1.5.1, 7.3.4.4). */
export interface Group {
  readonly groupId: number
  readonly groupType: keyof typeof groupTypes | number
  readonly buckets: readonly Bucket[]
  /** From OpenFlow 1.5 on. */
  readonly properties?: readonly GroupProperty[]
}

/** A change of the groups: OFPT_GROUP_MOD. */
export interface GroupMod extends Group {
  readonly command: keyof typeof groupCommands | number
  /** insert_bucket and remove_bucket: where, or which. */
  readonly commandBucketId?: number
}
