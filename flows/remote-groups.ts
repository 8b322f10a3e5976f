// Members of remote groups as matches and actions want them.
import { type Action, ip, ipv6, type Match } from 'node-openflow/flow'
import { asInteger, isV6 } from './addresses.ts'
import { page, remoteAddress, remoteGroups } from './registers.ts'

/** An address or prefix that belongs to what a bit of a page stands for. */
export interface Member {
  /** The page's key, as text. */
  readonly in: string
  readonly page: number
  readonly prefix: string
  readonly bit: number
}

const IPV4 = 0xffffffffn

/** A match on the page and on the other end's address, or on the prefix that it lies in. */
export const remoteEnd = (key: number, prefix: string): Match => {
  const { value, mask } = asInteger(prefix)
  const at = page.is(key)
  if (isV6(prefix)) return ipv6({ ...at, ...(mask === 0n ? {} : remoteAddress.is(value, mask)) })
  return ip({ ...at, ...(mask === 0n ? {} : remoteAddress.is(value, mask & IPV4)) })
}

/** How flows of members go together: those with one address are one flow, which sets the bits of all. */
export const MEMBERS = { scope: 'remote_group_page', merge: 'union', order: ({ bit }: Member) => bit } as const

/** Sets a bit of the remote groups. */
export const setBit = (bit: number): Action => remoteGroups.set(1n << BigInt(bit), 1n << BigInt(bit))
